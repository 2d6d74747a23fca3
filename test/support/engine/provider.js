// A stand-in for the AWS provider: no cloud, no validation, no memory. What it makes of a resource depends on nothing but
// the resource's URN and inputs, so that a second preview sees the same. Plain JavaScript, since Node runs it as it is.
const { isDeepStrictEqual } = require("node:util");
const { version } = require("@pulumi/aws/package.json");
const { main } = require("@pulumi/pulumi/provider");

const account = "111122223333";

function outputs(urn, inputs) {
  const [, , qualifiedType, name] = urn.split("::");
  const type = qualifiedType.split("$").at(-1);
  const [, module] = type.split(/[:/]/);
  const outs = { ...inputs, name, arn: `arn:aws:${module}:${inputs.region}:${account}:${name}` };
  if (type === "aws:sqs/queue:Queue") outs.url = `https://sqs.${inputs.region}.amazonaws.com/${account}/${name}`;
  if (type === "aws:elasticache/replicationGroup:ReplicationGroup") {
    outs.primaryEndpointAddress = `master.${name}.cache.amazonaws.com`;
  }
  return outs;
}

main(
  {
    version,
    create: async (urn, inputs) => ({ id: urn.split("::").at(-1), outs: outputs(urn, inputs) }),
    diff: async (_id, urn, olds, news) => ({ changes: !isDeepStrictEqual(olds, outputs(urn, news)) }),
    update: async (_id, urn, _olds, news) => ({ outs: outputs(urn, news) }),
    delete: async () => {},
    invoke: async (token, { region }) => {
      if (token !== "aws:index/getAvailabilityZones:getAvailabilityZones") throw new Error(`${token} has no stand-in`);
      return { outputs: { names: [`${region}a`, `${region}b`] } };
    },
  },
  process.argv.slice(2),
);
