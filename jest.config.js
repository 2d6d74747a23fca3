// Sources and tests are transformed one by one by SWC: types are checked by `npm run check`, not here.
module.exports = {
  testMatch: ["<rootDir>/test/**/*.test.ts"],
  modulePathIgnorePatterns: ["<rootDir>/.*/dist/"],
  transform: {
    "\\.ts$": [
      "@swc/jest",
      {
        jsc: { parser: { syntax: "typescript" }, target: "es2023" },
        module: { type: "commonjs", ignoreDynamic: true },
      },
    ],
  },
  // The fabric imports the built shim; in tests it is the sources that count, but for what a thread or process runs.
  moduleNameMapper: { "^@redis-on-fly/shim/dist/(.*)$": "<rootDir>/shim/$1" },
  // Much of a test's time is waiting for servers: every core has a worker.
  maxWorkers: "100%",
  testTimeout: 20_000,
};
