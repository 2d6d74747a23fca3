import { describe, expect, test } from "@jest/globals";
import { type ConfigurationError, describeConfiguration, parseConfiguration } from "../shim/configuration";
import { shimVariables } from "../shim/contract";

const key = Buffer.alloc(32, 7).toString("base64");
const complete = {
  FLY_REDIS_REGION: "eu-west-1",
  FLY_REDIS_PASSWORD: "correct-horse-battery",
  FLY_REDIS_CLUSTER_URL: "rediss://shim:p%40ss@cache.example.com:6380",
  FLY_REDIS_TOPIC_ARN: "arn:aws:sns:eu-west-1:123456789012:fly",
  FLY_REDIS_QUEUE_URL: "https://sqs.eu-west-1.amazonaws.com/123456789012/fly",
  FLY_REDIS_DEAD_LETTER_QUEUE_URL: "https://sqs.eu-west-1.amazonaws.com/123456789012/fly-dead",
  FLY_REDIS_ENVELOPE_KEYS: `2:${key},1:${key}`,
  PATH: "/usr/bin",
};

function faultsOf(environment: Record<string, string | undefined>): readonly string[] {
  try {
    parseConfiguration(environment);
    return [];
  } catch (error) {
    return (error as ConfigurationError).faults;
  }
}

describe("the configuration", () => {
  test("takes what is required and has a default for everything else", () => {
    const configuration = parseConfiguration(complete);
    expect(configuration).toMatchObject({
      region: "eu-west-1",
      port: 6379,
      users: [
        {
          name: "default",
          passwords: ["correct-horse-battery"],
          write: true,
          database1: true,
          flushall: true,
        },
      ],
      cluster: { host: "cache.example.com", port: 6380, tls: true, user: "shim", password: "p@ss" },
      allowGroups: [],
      busEndpoint: undefined,
      publishIntervalMs: 50,
      envelopeMaxBytes: 262_144,
      logLevel: "info",
    });
    expect(configuration.envelopeKeys.map(({ id }) => id)).toEqual([2, 1]);
    expect(Object.isFrozen(configuration)).toBe(true);
  });

  test("takes an empty variable for an unset one", () => {
    expect(parseConfiguration({ ...complete, FLY_REDIS_PORT: "", FLY_REDIS_CACHE_URL: "redis://x" }).port).toBe(6379);
  });

  test("takes several passwords, and further users with fewer rights", () => {
    const { users } = parseConfiguration({
      ...complete,
      FLY_REDIS_USER: "app",
      FLY_REDIS_PASSWORD: "new-password-0001,old-password-0001",
      FLY_REDIS_USERS: '[{"name":"reader","passwords":["reader-password-1"],"write":false,"database1PerSecond":5}]',
    });
    expect(users).toMatchObject([
      { name: "app", passwords: ["new-password-0001", "old-password-0001"], write: true },
      { name: "reader", write: false, database1: true, flushall: true, database1PerSecond: 5 },
    ]);
  });

  test("lists everything that is missing at once", () => {
    expect(faultsOf({}).map((fault) => fault.split(" ")[0])).toEqual([
      "FLY_REDIS_REGION",
      "FLY_REDIS_PASSWORD",
      "FLY_REDIS_CLUSTER_URL",
      "FLY_REDIS_TOPIC_ARN",
      "FLY_REDIS_QUEUE_URL",
      "FLY_REDIS_DEAD_LETTER_QUEUE_URL",
      "FLY_REDIS_ENVELOPE_KEYS",
    ]);
  });

  test.each([
    ["FLY_REDIS_REGION", "Ireland", /is "Ireland" but must be the name of an AWS region/],
    ["FLY_REDIS_PORT", "65536", /is "65536" but must be a whole number from 0 to 65535/],
    ["FLY_REDIS_PORT", "1e3", /is "1e3" but/],
    ["FLY_REDIS_PUBLISH_INTERVAL_MS", "-1", /from 0 to 10000/],
    ["FLY_REDIS_USER", "a:b", /letters, digits/],
    ["FLY_REDIS_ALLOW_GROUPS", "geo,administration", /different groups out of keyspace, geo/],
    ["FLY_REDIS_ALLOW_GROUPS", "geo,geo", /different groups/],
    ["FLY_REDIS_TOPIC_ARN", "fly", /must be the ARN of an SNS topic/],
    ["FLY_REDIS_QUEUE_URL", "sqs", /must be an http or https URL/],
    ["FLY_REDIS_LOG_LEVEL", "loud", /must be one of fatal/],
    ["FLY_REDIS_TLS_KEY", "/key.pem", /go together/],
    ["FLY_REDIS_CLIENT_NAMES", "yes", /must be on or off/],
    ["FLY_REDIS_PROT", "1", /is not known; --help lists/],
  ])("names the fault in %s=%s", (name, value, fault) => {
    const faults = faultsOf({ ...complete, [name]: value });
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(fault);
    expect(faults[0]).toContain(name);
  });

  test.each([
    ["FLY_REDIS_PASSWORD", "short"],
    ["FLY_REDIS_PASSWORD", "long-enough-password,short"],
    ["FLY_REDIS_USERS", '[{"name":"x","passwords":["hidden"]}]'],
    ["FLY_REDIS_USERS", '[{"name":"x","passwords":["long-enough-password"],"wirte":false}]'],
    ["FLY_REDIS_USERS", "[hidden"],
    ["FLY_REDIS_CLUSTER_URL", "redis://:secret@host/3"],
    ["FLY_REDIS_CLUSTER_URL", "http://:secret@host"],
    ["FLY_REDIS_CLUSTER_URL", "redis://:sec%ret@host"],
    ["FLY_REDIS_ENVELOPE_KEYS", `1:${key},1:${key}`],
    ["FLY_REDIS_ENVELOPE_KEYS", "256:secret"],
  ])("does not show the secret of a faulty %s", (name, value) => {
    const [fault] = faultsOf({ ...complete, [name]: value });
    expect(fault).toMatch(/is a hidden value but must/);
    expect(fault).not.toContain(value);
  });

  test("describes every variable", () => {
    for (const name of Object.values(shimVariables)) expect(describeConfiguration()).toContain(`  ${name}\n`);
  });
});
