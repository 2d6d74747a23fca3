// A stand-in for a provider: no cloud, no validation, no memory. What it makes of a resource depends on nothing but the
// resource's URN and inputs, so that a second preview sees the same. Plain JavaScript, since Node runs it as it is.
const { createHash } = require("node:crypto");
const { isDeepStrictEqual } = require("node:util");
const { main } = require("@pulumi/pulumi/provider");

const [packageName, ...args] = process.argv.slice(2);
const { version } = require(`@pulumi/${packageName}/package.json`);

const account = "111122223333";

/** What becomes known of a resource once it is there, by its type. */
const known = {
  "aws:cloudwatch/logGroup:LogGroup": ({ inputs, name }) => ({ name: inputs.name ?? name }),
  "aws:ec2/vpcEndpoint:VpcEndpoint": () => ({ prefixListId: "pl-00000000" }),
  "aws:ecr/repository:Repository": ({ inputs, name }) => ({
    registryId: account,
    repositoryUrl: `${account}.dkr.ecr.${inputs.region}.amazonaws.com/${name}`,
  }),
  "aws:elasticache/replicationGroup:ReplicationGroup": ({ name }) => ({
    primaryEndpointAddress: `master.${name}.cache.amazonaws.com`,
  }),
  "aws:lb/loadBalancer:LoadBalancer": ({ inputs, name }) => ({
    arnSuffix: `net/${name}/0123456789abcdef`,
    dnsName: `${name}.elb.${inputs.region}.amazonaws.com`,
    zoneId: "Z0000000000000",
  }),
  "aws:lb/targetGroup:TargetGroup": ({ name }) => ({ arnSuffix: `targetgroup/${name}/0123456789abcdef` }),
  "aws:route53/zone:Zone": ({ name }) => ({ zoneId: `zone-${name}` }),
  "aws:secretsmanager/secretVersion:SecretVersion": ({ inputs }) => ({
    versionId: digest(JSON.stringify(inputs.secretString)).slice(0, 32),
  }),
  "aws:sqs/queue:Queue": ({ inputs, name }) => ({
    url: `https://sqs.${inputs.region}.amazonaws.com/${account}/${name}`,
  }),
  "docker:index/image:Image": ({ inputs }) => ({
    repoDigest: `${inputs.imageName.split(":")[0]}@sha256:${digest(inputs.imageName)}`,
  }),
  "random:index/randomBytes:RandomBytes": ({ urn }) => ({
    base64: Buffer.from(digest(urn), "hex").toString("base64"),
    hex: digest(urn),
  }),
  "random:index/randomId:RandomId": ({ inputs, urn }) => ({ hex: `${inputs.prefix}${digest(urn).slice(0, 8)}` }),
  "random:index/randomPassword:RandomPassword": ({ urn }) => ({ result: `password${digest(urn).slice(0, 24)}` }),
};

const calls = {
  "aws:index/getAvailabilityZones:getAvailabilityZones": ({ region }) => ({
    names: ["a", "b", "c"].map((zone) => `${region}${zone}`),
  }),
  "aws:ecr/getAuthorizationToken:getAuthorizationToken": () => ({ userName: "AWS", password: "registry-token" }),
};

/** Secrets come wrapped; what they hold is what counts. */
const secretSignature = "4dabf18193072939515e22adb298388d";

function unwrapped(value) {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(unwrapped);
  if (secretSignature in value) return unwrapped(value.value);
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, unwrapped(part)]));
}

function digest(text) {
  return createHash("sha256").update(text).digest("hex");
}

function outputs(urn, inputs) {
  const [, , qualifiedType, name] = urn.split("::");
  const type = qualifiedType.split("$").at(-1);
  const [, service] = type.split(/[:/]/);
  const arn = `arn:aws:${service}:${inputs.region ?? ""}:${account}:${name}`;
  return { ...inputs, name, arn, ...known[type]?.({ urn, name, inputs }) };
}

main(
  {
    version,
    create: async (urn, inputs) => ({ id: urn.split("::").at(-1), outs: outputs(urn, inputs) }),
    diff: async (_id, urn, olds, news) => ({
      changes: !isDeepStrictEqual(unwrapped(olds), unwrapped(outputs(urn, news))),
      replaces: olds.region === news.region ? [] : ["region"],
    }),
    update: async (_id, urn, _olds, news) => ({ outs: outputs(urn, news) }),
    delete: async () => {},
    invoke: async (token, inputs) => {
      const call = calls[token];
      if (!call) throw new Error(`${token} has no stand-in`);
      return { outputs: call(inputs) };
    },
  },
  args,
);
