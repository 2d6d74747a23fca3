// One client's commands on database 1: how each is answered and when, and what the client's later ones depend on.
//
// Invariant: what was accepted is replayed at home before database 0 is asked, and its answers leave in order.
import type { CommandEntry } from "../commands/commandTable";
import { checkForm } from "../commands/form";
import type { LocalSession } from "../commands/local";
import { isWrite } from "../commands/policy";
import { parseReceipt } from "../commands/receipt";
import type { CommandSpecification } from "../commands/specification";
import { typedReply } from "../commands/typedReplies";
import type { Word } from "../commands/typedValues";
import type { Principal } from "../commands/users";
import type { Confirmations } from "../replication/confirmations";
import { encodeError, encodeSimple } from "../resp/encoder";
import type { LargeRequest } from "./largeRequest";
import type { Outlet } from "./outlet";
import type { SessionServices } from "./services";

const ok = encodeSimple("OK");

export class VirtualCommands {
  /** Commands accepted up to here must be replayed at home before database 0 is asked. */
  private homeSequence = 0;
  /** And so many of those that take long, the newest of which is this client's. */
  private slowSequence = 0;
  /** Where they went, by the numbers of envelopes; 0: none that other regions may lack. */
  private firstEnvelope = 0;
  private lastEnvelope = 0;
  /** A confirmation by the bus is waited for. */
  private confirming = false;

  constructor(
    private readonly session: LocalSession,
    private readonly outlet: Outlet,
    private readonly services: SessionServices,
    /** Whether answers have the types that commands have, instead of OK. */
    readonly typed: boolean,
  ) {}

  /** Whether all that was accepted of this client is replayed at home, or left to the copy that the bus brings. */
  get atHome(): boolean {
    return this.services.virtual.isAtHome(this.homeSequence, this.slowSequence);
  }

  onceAtHome(callback: () => void): void {
    this.services.virtual.onHome(this.homeSequence, this.slowSequence, callback);
  }

  /** Answers a command. @returns false where it has to wait until nothing is in flight */
  take(entry: CommandEntry, words: readonly Buffer[]): boolean {
    const { counters, virtual } = this.services;
    const form = checkForm(entry.specification, words);
    if ("error" in form) return this.answer(encodeError(form.error));
    if (!isWrite(form.command)) {
      counters.acknowledged++;
      return this.answer(this.acknowledgement(form.command, words));
    }
    // Its home replay must not overtake what is in flight to database 0.
    if (this.outlet.inFlight > 0 && !this.outlet.holding) return false;
    const tooFast = this.takeTurn();
    if (tooFast !== undefined) return this.answer(encodeError(tooFast));
    const { slowSequence } = virtual;
    const acceptance = virtual.accept(form.command, words);
    // Those of others are no concern of this client.
    if (virtual.slowSequence > slowSequence) this.slowSequence = virtual.slowSequence;
    if (acceptance.ok) this.accepted(form.command, words);
    else this.answer(encodeError(acceptance.error));
    return true;
  }

  /**
   * A command too large to be gathered.
   *
   * @param held its bytes so far
   * @returns the text of an error where it is not taken
   */
  stream({ specification }: CommandEntry, argumentCount: number, held: readonly Buffer[]): LargeRequest | string {
    const tooFast = this.takeTurn();
    if (tooFast !== undefined) return tooFast;
    const upload = this.services.virtual.upload(specification, argumentCount);
    for (const bytes of held) upload.write(bytes);
    return {
      to: upload,
      end: () => {
        const error = upload.finish();
        this.slowSequence = this.services.virtual.slowSequence;
        if (error === undefined) this.accepted(specification, upload.outline());
        else this.answer(encodeError(error));
      },
      abandon: () => upload.abandon(),
    };
  }

  /**
   * WAIT: how many other regions have replayed what this client has sent.
   *
   * @param abandoned whether nobody waits any more
   * @returns the answer; or the text of an error
   */
  receipt(command: CommandSpecification, words: readonly Buffer[], abandoned: () => boolean): Promise<Buffer> | string {
    const request = parseReceipt(command, words);
    if ("error" in request) return request.error;
    const { firstEnvelope: first, lastEnvelope: last } = this;
    const sent = first === 0 ? undefined : { first, last };
    const { regions, timeoutMs } = request;
    return this.services.virtual.wait(sent, regions, timeoutMs, abandoned).then((found) => {
      if (typeof found === "string") return encodeError(found);
      if (found.everywhere) this.firstEnvelope = 0;
      return Buffer.from(`:${found.regions}\r\n`);
    });
  }

  private takeTurn(): string | undefined {
    const { user } = this.session;
    return user?.takeTurn() ? undefined : tooFastText(user);
  }

  private accepted(command: CommandSpecification, words: readonly Word[]): void {
    const { virtual } = this.services;
    const { confirmations } = virtual;
    this.homeSequence = virtual.acceptedSequence;
    this.lastEnvelope = virtual.newestEnvelope;
    if (this.firstEnvelope === 0) this.firstEnvelope = this.lastEnvelope;
    const answer = this.acknowledgement(command, words);
    if (confirmations) {
      this.outlet.hold(confirmations.added, answer);
      this.awaitConfirmation(confirmations);
    } else {
      this.outlet.answer(answer);
    }
  }

  private answer(bytes: Buffer): true {
    this.outlet.answer(bytes);
    return true;
  }

  private acknowledgement({ name }: CommandSpecification, words: readonly Word[]): Buffer {
    return this.typed ? typedReply(name, words, this.session.protocol) : ok;
  }

  /** One of the answers held is waited for, the oldest; it brings others along. */
  private awaitConfirmation(confirmations: Confirmations): void {
    const { heldSince } = this.outlet;
    if (heldSince === undefined || this.confirming) return;
    this.confirming = true;
    confirmations.onConfirmed(heldSince, () => {
      this.confirming = false;
      const { confirmed, obstacle, doubt } = confirmations;
      this.outlet.release(confirmed, obstacle === undefined ? undefined : encodeError(doubt));
      this.awaitConfirmation(confirmations);
    });
  }
}

function tooFastText(user: Principal | undefined): string {
  return `BUSY User ${user?.name} may write ${user?.database1PerSecond} times a second on database 1, try again later`;
}
