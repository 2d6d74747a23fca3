// Every rule in the running pack, by cases: right, wrong, absent, not applicable, unknown. The whole pack is asked each
// time, so that what is right is right for all rules, and what is wrong is reported by the one rule and no other.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { rules } from "../../policies/rules";
import { PackServer, type Registered, type Verdict } from "../support/policies/packServer";
import { known, previewed, type Sample } from "../support/policies/sample";
import type { Cases, Fault, Judged } from "./cases/cases";
import { cloudwatchCases } from "./cases/cloudwatch";
import { ec2Cases } from "./cases/ec2";
import { ecrCases } from "./cases/ecr";
import { ecsCases } from "./cases/ecs";
import { elasticacheCases } from "./cases/elasticache";
import { elasticacheAccessCases } from "./cases/elasticacheAccess";
import { goodStack } from "./cases/goodStack";
import { iamCases } from "./cases/iam";
import { lbCases } from "./cases/lb";
import { snsCases } from "./cases/sns";
import { sqsCases } from "./cases/sqs";
import { stackCases } from "./cases/stack";

const cases: Readonly<Record<string, Cases>> = {
  ...cloudwatchCases,
  ...ec2Cases,
  ...ecrCases,
  ...ecsCases,
  ...elasticacheCases,
  ...elasticacheAccessCases,
  ...iamCases,
  ...lbCases,
  ...snsCases,
  ...sqsCases,
  ...stackCases,
};

const passed: Verdict = { violations: [], undecided: [] };

let pack: PackServer;

beforeAll(async () => {
  pack = await PackServer.start();
}, 60_000);

afterAll(() => pack.stop());

function judge(judged: Judged, seen: (sample: Sample) => Registered): Promise<Verdict> {
  return Array.isArray(judged) ? pack.judgeStack(judged.map(seen)) : pack.judge(seen(judged as Sample));
}

test.each([known, previewed])("no rule has anything against any resource of the good stack, when %p", async (seen) => {
  const verdicts = await Promise.all(goodStack().map((sample) => pack.judge(seen(sample))));
  expect(verdicts.flatMap(({ violations }) => violations)).toEqual([]);
});

test("there are cases for every rule, and for its options", () => {
  expect(Object.keys(cases).sort()).toEqual(rules.map(({ name }) => name));
  const withOptions = rules.filter(({ configSchema }) => configSchema).map(({ name }) => name);
  expect(rules.map(({ name }) => name).filter((name) => cases[name]?.configured)).toEqual(withOptions);
});

test("the documentation has every rule as it is", () => {
  const document = readFileSync(join(__dirname, "../../docs/policies.md"), "utf8").replace(/ +|\n {2}/g, " ");
  const told = rules.map((rule) => {
    const options = Object.entries(rule.configSchema?.properties ?? {});
    const names = options.map(([name]) => `\`${name}\``).join(", ") || "none";
    const judges = "validateStack" in rule ? "the stack" : "each resource";
    const remediates = "remediateResource" in rule ? "yes" : "no";
    const defaults = options.map(([name, { description, default: value }]) => {
      return ` Option \`${name}\`: ${description} Default: \`${JSON.stringify(value).replaceAll(",", ", ")}\`.`;
    });
    return {
      row: `| \`${rule.name}\` | ${rule.severity} | ${judges} | ${remediates} | ${names} |`,
      entry: `- \`${rule.name}\`: ${rule.description} Instead: ${rule.remediationSteps}${defaults.join("")}`,
    };
  });
  const lines = document.split("\n");
  expect(lines.filter((line) => /^\| `\w+-/.test(line))).toEqual(told.map(({ row }) => row));
  expect(lines.filter((line) => /^- `\w+-/.test(line))).toEqual(told.map(({ entry }) => entry));
});

describe.each(rules)("$name", (rule) => {
  const {
    options = {},
    configured = [],
    right,
    wrong,
    absent,
    notApplicable,
    unknown,
    isUndecidedInPreviews = false,
  } = cases[rule.name]!;
  const report = ([message]: Fault): Verdict => ({ violations: [`${rule.name}: ${message}`], undecided: [] });
  const isFault = (one: Fault | Judged): one is Fault => Array.isArray(one) && typeof one[0] === "string";
  const check = async (one: Fault | Judged): Promise<void> => {
    if (isFault(one)) expect(await judge(one[1], known)).toEqual(report(one));
    else expect(await judge(one, known)).toEqual(passed);
  };

  beforeEach(() => pack.configure({ [rule.name]: options }));

  test("has nothing against what is right", async () => {
    for (const one of right) {
      expect(await judge(one, known)).toEqual(passed);
      expect((await judge(one, previewed)).violations).toEqual([]);
    }
  });

  test.each(wrong)("reports: %s", (...fault) => check(fault));

  test("says of what is left out what AWS makes of it", () => check(absent));

  test("has nothing to say of what it is not for", () => check(notApplicable));

  if (configured.length > 0) {
    test("heeds its options", async () => {
      for (const [others, one] of configured) {
        await pack.configure({ [rule.name]: others });
        await check(one);
      }
    });
  }

  test("neither passes nor reports what is unknown", async () => {
    const { violations, undecided } = await judge(unknown, "validateStack" in rule ? previewed : known);
    expect(violations).toEqual([]);
    const text = expect.stringMatching(`^${rule.name}: can't run .* can't be known during preview$`);
    expect(undecided).toEqual(expect.arrayContaining([text]));
  });

  if ("validateStack" in rule) {
    test("judges a preview by what the program says of where values come from", async () => {
      for (const fault of wrong) {
        const { violations, undecided } = await judge(fault[1], previewed);
        expect(violations).toEqual(isUndecidedInPreviews ? [] : report(fault).violations);
        expect(undecided.some((text) => text.startsWith(`${rule.name}:`))).toBe(isUndecidedInPreviews);
      }
    });
  } else if (rule.remediateResource) {
    test("puts right what is wrong, where it is told to", async () => {
      await pack.configure({ [rule.name]: "remediate" });
      for (const [, one] of wrong) {
        const remedied = await pack.remedy(known(one as Sample));
        expect(await pack.judge(known(one as Sample))).not.toEqual(passed);
        expect(await pack.judge(remedied)).toEqual(passed);
      }
      const good = known(right[0] as Sample);
      expect(await pack.remedy(good)).toBe(good);
    });
  }
});
