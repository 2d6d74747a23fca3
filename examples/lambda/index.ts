// A Lambda function in each of two regions. It needs nothing but the cache, so its network has no way to the internet.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { GlobalCache, type Region } from "redis-on-fly";

const regions = ["us-east-1", "eu-west-1"] as const satisfies readonly Region[];

// The cache
const cache = new GlobalCache("fly", { regions, egress: "endpoints" });

// One role for the functions of both regions
const role = new aws.iam.Role("app", {
  assumeRolePolicy: aws.iam.assumeRolePolicyForPrincipal({ Service: "lambda.amazonaws.com" }),
});
new aws.iam.RolePolicyAttachment("app-in-network", {
  role: role.name,
  policyArn: "arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole",
});

// Speaks to the cache without a driver, so that there is nothing to bundle: PING, and whatever comes back.
const handler = `
  const { connect } = require("node:net");
  exports.handler = () => new Promise((resolve, reject) => {
    const { hostname, port, username, password } = new URL(process.env.FLY_REDIS_CACHE_URL);
    const socket = connect({ host: hostname, port, timeout: 1000 }, () =>
      socket.write(\`AUTH \${username} \${password}\\r\\nPING\\r\\nQUIT\\r\\n\`));
    let replies = "";
    socket.on("data", (chunk) => (replies += chunk)).on("end", () => resolve(replies)).on("error", reject);
    socket.on("timeout", () => socket.destroy(new Error("the cache does not answer")));
  });
`;

for (const region of regions) {
  const { network } = cache.regionalCache(region);
  new aws.lambda.Function(`app-${region}`, {
    region,
    runtime: "nodejs24.x",
    handler: "index.handler",
    role: role.arn,
    code: new pulumi.asset.AssetArchive({ "index.js": new pulumi.asset.StringAsset(handler) }),
    environment: { variables: { ...cache.environment(region).lambdaVariables } },
    vpcConfig: {
      subnetIds: [...network.subnetIds],
      securityGroupIds: [network.securityGroups.client.id],
    },
  });
}

export const cacheUrl = cache.cacheUrl("us-east-1");
