// The policy pack as the engine runs it: a server that is asked about one resource at a time.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { credentials } from "@grpc/grpc-js";
import { AnalyzerClient } from "@pulumi/pulumi/proto/analyzer_grpc_pb";
import { AnalyzeRequest, AnalyzerResourceOptions, EnforcementLevel } from "@pulumi/pulumi/proto/analyzer_pb";
import { type JavaScriptValue, Struct } from "google-protobuf/google/protobuf/struct_pb";
import { policyPack } from "./sandbox";

/** What one rule says of one resource. */
export interface Verdict {
  /** Violations; they stop an update. */
  readonly violations: readonly string[];
  /** What it could not judge in a preview, and why. */
  readonly undecided: readonly string[];
}

/** A running pack; stop it afterwards. */
export class PackServer {
  private constructor(
    private readonly process: ChildProcess,
    private readonly client: AnalyzerClient,
  ) {}

  static async start(): Promise<PackServer> {
    const runner = join(dirname(require.resolve("@pulumi/pulumi/package.json")), "cmd/run-policy-pack");
    // The first argument is the engine's address, which the pack has no use for.
    const server = spawn(process.execPath, [runner, "127.0.0.1:0", policyPack], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [port] = await once(createInterface(server.stdout), "line");
    return new PackServer(server, new AnalyzerClient(`127.0.0.1:${port}`, credentials.createInsecure()));
  }

  /** Asks one rule about a resource of this type and name; `unknownValue` stands for what a preview does not know. */
  judge(rule: string, type: string, name: string, inputs: Record<string, JavaScriptValue>): Promise<Verdict> {
    const request = new AnalyzeRequest()
      .setType(type)
      .setName(name)
      .setUrn(`urn:pulumi:test::test::${type}::${name}`)
      .setOptions(new AnalyzerResourceOptions())
      .setProperties(Struct.fromJavaScript(inputs));
    return new Promise((resolve, reject) => {
      this.client.analyze(request, (error, response) => {
        if (error) return reject(error);
        const said = response.getDiagnosticsList().filter((diagnostic) => diagnostic.getPolicyname() === rule);
        const messages = (level: EnforcementLevel) =>
          said.filter((one) => one.getEnforcementlevel() === level).map((one) => one.getMessage());
        resolve({
          violations: messages(EnforcementLevel.MANDATORY),
          undecided: messages(EnforcementLevel.ADVISORY),
        });
      });
    });
  }

  async stop(): Promise<void> {
    this.client.close();
    const exited = once(this.process, "exit");
    this.process.kill();
    await exited;
  }
}
