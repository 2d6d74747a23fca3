// The shim's image in one region: built from this package's sources, kept in a registry of the region's own, and named by
// digest, so that what runs is what was built.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import * as aws from "@pulumi/aws";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { Architecture } from "./cacheOptions";
import type { Region } from "./regions";

/** Images kept beside the current one, to go back to. */
const keptImages = 10;

export interface ShimImageArgs {
  readonly region: Region;
  readonly architecture: Architecture;
}

/** An ECR repository and the image in it. */
export class ShimImage extends pulumi.ComponentResource {
  /** `<repository>@sha256:…` */
  readonly digestReference: pulumi.Output<string>;
  readonly repositoryArn: pulumi.Output<string>;

  constructor(name: string, { region, architecture }: ShimImageArgs, opts?: pulumi.ComponentResourceOptions) {
    super("redis-on-fly:infra:ShimImage", name, {}, opts);
    const parent = { parent: this };

    const repository = new aws.ecr.Repository(
      `${name}-repository`,
      {
        region,
        imageTagMutability: "IMMUTABLE",
        imageScanningConfiguration: { scanOnPush: true },
        encryptionConfigurations: [{ encryptionType: "AES256" }],
        forceDelete: true,
      },
      parent,
    );
    new aws.ecr.LifecyclePolicy(
      `${name}-lifecycle`,
      {
        region,
        repository: repository.name,
        policy: JSON.stringify({
          rules: [
            {
              rulePriority: 1,
              description: `Keep the last ${keptImages} images`,
              selection: { tagStatus: "any", countType: "imageCountMoreThan", countNumber: keptImages },
              action: { type: "expire" },
            },
          ],
        }),
      },
      parent,
    );

    const { userName, password } = aws.ecr.getAuthorizationTokenOutput(
      { region, registryId: repository.registryId },
      parent,
    );
    const image = new docker.Image(
      `${name}-image`,
      {
        imageName: pulumi.interpolate`${repository.repositoryUrl}:${sourceDigest()}-${architecture}`,
        build: {
          context: packageDirectory,
          dockerfile: join(packageDirectory, "shim/Dockerfile"),
          platform: `linux/${architecture}`,
          builderVersion: "BuilderBuildKit",
        },
        registry: { server: repository.repositoryUrl, username: userName, password: pulumi.secret(password) },
      },
      parent,
    );

    this.digestReference = image.repoDigest;
    this.repositoryArn = repository.arn;
    this.registerOutputs({ digestReference: this.digestReference });
  }
}

// By its own name, since the sources run from infra/ and the built package from dist/infra/.
const packageDirectory = dirname(require.resolve("redis-on-fly/package.json"));

/** Tells what the image is made of: tags of the registry cannot be moved, so other sources need another. */
function sourceDigest(): string {
  const sources = readdirSync(join(packageDirectory, "shim"), { recursive: true, encoding: "utf8" })
    .filter((file) => /^(?!dist\b|.*node_modules)(.*\.(ts|json)|Dockerfile)$/.test(file))
    .map((file) => join("shim", file));
  const hash = createHash("sha256");
  for (const file of ["package-lock.json", "tsconfig.base.json", ...sources.toSorted()]) {
    hash.update(file).update(readFileSync(join(packageDirectory, file)));
  }
  return hash.digest("hex").slice(0, 16);
}
