// What goes to the server in one call of its script, as `replayScript` wants it. Overwrites that lie in an envelope's body
// are packed as they lie there; only what else there is needs steps.

import type { EncodedCommand } from "./encodedCommand";
import { type PlainStep, packCommands, packSteps } from "./plainScript";
import { bucketOf } from "./recordScript";
import { type ReplayStep, replaySteps } from "./replaySteps";
import { stampText } from "./stamp";

/** Arguments of a script. */
export type ScriptArguments = readonly (string | Buffer | number)[];

/** A step that is handed to the server's script. */
export type KeyedStep = Exclude<ReplayStep, { kind: "flush" }>;

/** Adds what the script is told of a step. */
function pushArguments(step: KeyedStep, args: (string | Buffer | number)[]): void {
  const stamp = stampText(step.stamp);
  switch (step.kind) {
    case "overwrite":
      args.push(step.assembled ? "p" : "o", stamp, bucketOf(step.key), step.leaves);
      break;
    case "modification":
      if (step.slices) {
        args.push("q", stamp, bucketOf(step.key), step.key, step.slices.lead, step.slices.group);
        break;
      }
      // Lua counts from 1.
      args.push("m", stamp, bucketOf(step.key), step.key, step.instantIndex && step.instantIndex + 1);
      break;
    case "other":
      args.push("j", stamp, step.keys.length);
      for (const key of step.keys) args.push(bucketOf(key), key);
      break;
  }
  args.push(step.args.length);
  for (const arg of step.args) args.push(arg);
}

function arePlain(steps: readonly KeyedStep[]): steps is readonly PlainStep[] {
  return steps.every((step) => step.kind === "overwrite" && !step.assembled);
}

function stepsOf(overwrite: EncodedCommand): readonly KeyedStep[] {
  return replaySteps(overwrite).filter((step) => step.kind !== "flush");
}

/** See the head of this file. */
export class ReplayBatch {
  /** Of all arguments, about. */
  bytes = 0;
  /** While there is nothing else in it. */
  private readonly overwrites: EncodedCommand[] = [];
  private made: KeyedStep[] | undefined;

  constructor(steps: Iterable<KeyedStep> = []) {
    for (const step of steps) this.addStep(step, 0);
  }

  /** How many steps are in it. */
  get size(): number {
    return this.made?.length ?? this.overwrites.length;
  }

  /** All that is in it, in the order in which it came. */
  get steps(): readonly KeyedStep[] {
    return this.make();
  }

  /** How many steps were applied in the order of their arrival. @param letters - what the script says of each */
  unordered(letters: string): number {
    return this.made?.filter(({ kind }, index) => kind === "other" && letters[index] === "a").length ?? 0;
  }

  /** @param command - with an {@link EncodedCommand.overwriteShape}. */
  addOverwrite(command: EncodedCommand): void {
    if (this.made) this.made.push(...stepsOf(command));
    else this.overwrites.push(command);
    this.bytes += command.bytes;
  }

  addStep(step: KeyedStep, bytes: number): void {
    this.make().push(step);
    this.bytes += bytes;
  }

  /** What the script is told, behind what every script begins with. */
  arguments(): ScriptArguments {
    if (!this.made) return ["plain", this.overwrites.length, packCommands(this.overwrites)];
    if (arePlain(this.made)) return ["plain", this.made.length, packSteps(this.made)];
    const args: (string | Buffer | number)[] = ["mixed"];
    for (const step of this.made) pushArguments(step, args);
    return args;
  }

  private make(): KeyedStep[] {
    this.made ??= this.overwrites.flatMap(stepsOf);
    return this.made;
  }
}
