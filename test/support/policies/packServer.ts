// The policy pack as the engine runs it: a server that is configured once, asked about each resource, and at the end
// about all of them.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { credentials } from "@grpc/grpc-js";
import { AnalyzerClient } from "@pulumi/pulumi/proto/analyzer_grpc_pb";
import {
  AnalyzeRequest,
  type AnalyzeResponse,
  type AnalyzerInfo,
  AnalyzerPropertyDependencies,
  AnalyzerProviderResource,
  AnalyzerResource,
  AnalyzerResourceOptions,
  AnalyzeStackRequest,
  ConfigureAnalyzerRequest,
  EnforcementLevel,
  PolicyConfig,
  type RemediateResponse,
} from "@pulumi/pulumi/proto/analyzer_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { type JavaScriptValue, Struct } from "google-protobuf/google/protobuf/struct_pb";

export type Properties = Record<string, JavaScriptValue>;

/** A resource as the engine tells a pack of it; `unknownValue` stands for what a preview does not know. */
export interface Registered {
  readonly type: string;
  readonly name: string;
  /** Inputs where one resource is judged, outputs where the stack is. */
  readonly properties: Properties;
  /** Names of the resources that a property comes from. */
  readonly dependencies?: Readonly<Record<string, readonly string[]>>;
  /** What the provider was given. */
  readonly provider?: Properties;
  /** @default "production" */
  readonly stack?: string;
}

/** What the pack says: each line is the name of a rule, then its message. */
export interface Verdict {
  /** Violations; they stop an update. */
  readonly violations: readonly string[];
  /** What it could not judge in a preview, and why. */
  readonly undecided: readonly string[];
}

/** A rule's options, or its level. */
export type RuleOptions = Properties | "remediate";

/** A running pack; stop it afterwards. */
export class PackServer {
  private constructor(
    private readonly process: ChildProcess,
    private readonly client: AnalyzerClient,
  ) {}

  /** Starts the pack in a folder, by default the one of its sources. */
  static async start(cwd = resolve(__dirname, "../../../policies")): Promise<PackServer> {
    const runner = join(dirname(require.resolve("@pulumi/pulumi/package.json")), "cmd/run-policy-pack");
    // The first argument is the engine's address, which the pack has no use for.
    const server = spawn(process.execPath, [runner, "127.0.0.1:0", cwd], {
      cwd,
      // Types are checked by `npm run check`.
      env: { ...process.env, TS_NODE_TRANSPILE_ONLY: "true" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const failed = once(server, "exit").then(([code]) => {
      throw new Error(`The pack did not start (exit code ${code}): see above.`);
    });
    const [port] = await Promise.race([once(createInterface(server.stdout), "line"), failed]);
    // From here on, its end is what `stop` asks for.
    failed.catch(() => {});
    const pack = new PackServer(server, new AnalyzerClient(`127.0.0.1:${port}`, credentials.createInsecure()));
    await pack.configure({});
    return pack;
  }

  /** Sets options of rules, and all others to the defaults of their schemas, as the engine does. */
  async configure(options: Readonly<Record<string, RuleOptions>>): Promise<void> {
    const info = await this.call<Empty, AnalyzerInfo>("getAnalyzerInfo", new Empty());
    const request = new ConfigureAnalyzerRequest();
    for (const policy of info.getPoliciesList()) {
      const schema = (policy.getConfigschema()?.getProperties()?.toJavaScript() ?? {}) as Record<string, Properties>;
      const defaults = Object.fromEntries(
        Object.entries(schema).map(([name, option]) => [name, option.default ?? null]),
      );
      const own = options[policy.getName()] ?? {};
      const config = new PolicyConfig()
        .setEnforcementlevel(own === "remediate" ? EnforcementLevel.REMEDIATE : EnforcementLevel.MANDATORY)
        .setProperties(Struct.fromJavaScript(own === "remediate" ? defaults : { ...defaults, ...own }));
      request.getPolicyconfigMap().set(policy.getName(), config);
    }
    await this.call("configure", request);
  }

  /** Asks every rule about one resource. */
  async judge(resource: Registered): Promise<Verdict> {
    return verdictOf(await this.call("analyze", requestFor(resource)));
  }

  /** Asks every rule of whole stacks. */
  async judgeStack(resources: readonly Registered[]): Promise<Verdict> {
    const urns = new Map(resources.map((resource) => [resource.name, urnOf(resource)]));
    const request = new AnalyzeStackRequest();
    for (const resource of resources) {
      const one = describe(resource, new AnalyzerResource());
      for (const [property, names] of Object.entries(resource.dependencies ?? {})) {
        const dependencies = new AnalyzerPropertyDependencies().setUrnsList(
          names.map((name) => urns.get(name) ?? name),
        );
        one.getPropertydependenciesMap().set(property, dependencies);
      }
      request.addResources(one);
    }
    return verdictOf(await this.call("analyzeStack", request));
  }

  /** The resource as rules at the level `remediate` put it right. */
  async remedy(resource: Registered): Promise<Registered> {
    const response = await this.call<AnalyzeRequest, RemediateResponse>("remediate", requestFor(resource));
    const last = response.getRemediationsList().at(-1)?.getProperties();
    return last ? { ...resource, properties: last.toJavaScript() as Properties } : resource;
  }

  async stop(): Promise<void> {
    this.client.close();
    const exited = once(this.process, "exit");
    this.process.kill();
    await exited;
  }

  private call<Request, Response>(
    method: "analyze" | "analyzeStack" | "configure" | "getAnalyzerInfo" | "remediate",
    request: Request,
  ): Promise<Response> {
    const bound = this.client[method].bind(this.client) as unknown as (
      message: Request,
      callback: (error: Error | null, response: Response) => void,
    ) => void;
    return promisify(bound)(request);
  }
}

function requestFor(resource: Registered): AnalyzeRequest {
  return describe(resource, new AnalyzeRequest());
}

function describe<Message extends AnalyzeRequest | AnalyzerResource>(resource: Registered, message: Message): Message {
  message
    .setType(resource.type)
    .setName(resource.name)
    .setUrn(urnOf(resource))
    .setOptions(new AnalyzerResourceOptions())
    .setProperties(Struct.fromJavaScript(resource.properties));
  if (resource.provider) {
    const properties = Struct.fromJavaScript(resource.provider);
    message.setProvider(new AnalyzerProviderResource().setType("pulumi:providers:aws").setProperties(properties));
  }
  return message;
}

function urnOf({ stack = "production", type, name }: Registered): string {
  return `urn:pulumi:${stack}::test::${type}::${name}`;
}

function verdictOf(response: AnalyzeResponse): Verdict {
  const said = (level: EnforcementLevel): string[] =>
    response
      .getDiagnosticsList()
      .filter((diagnostic) => diagnostic.getEnforcementlevel() === level)
      .map((diagnostic) => `${diagnostic.getPolicyname()}: ${diagnostic.getMessage().split("\n").at(-1)}`);
  return { violations: said(EnforcementLevel.MANDATORY), undecided: said(EnforcementLevel.ADVISORY) };
}
