// Where a client's command goes: by its rule in the database that is selected, once the client has authenticated and where
// its user may.
import type { CommandEntry } from "../commands/commandTable";
import { calledCommand, unknownCommand } from "../commands/form";
import { blockingMs, type Inspection, inspect } from "../commands/inspection";
import { answerLocally, namesClient, openCommands } from "../commands/local";
import { refusalText } from "../commands/policy";
import type { CommandSpecification } from "../commands/specification";
import { prohibition } from "../commands/users";
import { encodeError, encodeRequest, encodeSimple } from "../resp/encoder";
import { answered, answerLarge, LARGE_REQUEST_BYTES, type LargeRequest } from "./largeRequest";
import type { ForwardingSession, RegionalCommands } from "./regionalCommands";
import type { SessionServices } from "./services";

/** What a dispatcher asks of its session. */
export interface DispatchedSession extends ForwardingSession {
  readonly regional: RegionalCommands;
  /** Takes nothing else until this answer is there. */
  fetch(answer: Promise<Buffer>): void;
  /** Whether the connection is closed: nobody waits for an answer. */
  readonly gone: boolean;
  /** Closes the connection at once. */
  destroy(): void;
}

const ok = encodeSimple("OK");
const noAuth = encodeError("NOAUTH Authentication required.");

export class Dispatcher {
  constructor(
    private readonly session: DispatchedSession,
    private readonly services: SessionServices,
  ) {}

  /**
   * Takes a command that is there as a whole.
   *
   * @param frame its bytes as an array
   * @returns false where it has to wait
   */
  take(entry: CommandEntry | undefined, words: readonly Buffer[], frame: Buffer): boolean {
    const { session, services } = this;
    const { outlet, regional, user } = session;
    if (outlet.full) return false;
    if (!entry && /^(post|host:)$/i.test(String(words[0]))) {
      // A browser that was lured into talking to a cache; Redis closes at once as well.
      services.log.warn({ session: session.id }, "closed a connection that spoke HTTP");
      session.destroy();
      return true;
    }
    if (!user && !openCommands.has(nameOf(entry))) return this.answer(noAuth);
    if (!entry) return this.answerError(unknownCommand(words));
    const { specification } = entry;
    const rule = session.database === 0 ? entry.regional : entry.virtual;
    const prohibited =
      user && rule !== "local" && rule !== "refuse"
        ? prohibition(user, calledCommand(specification, words))
        : undefined;
    if (prohibited !== undefined) return this.answerError(prohibited);
    switch (rule) {
      case "refuse":
        if (services.sources.clientNames && namesClient(words)) return this.answer(ok);
        services.counters.refused++;
        return this.answerError(refusalText(String(words[0]?.toString("latin1"))));
      case "local":
        return this.takeLocal(specification, words);
      case "forward":
        return regional.forward(frame);
      case "private":
        return regional.forward(frame, blockingMs(specification.name, words));
      case "inspect":
        return this.takeInspected(inspect(specification.name, words), frame);
      case "receipt":
        return this.takeReceipt(specification, words);
      default:
        return session.virtual.take(entry, words);
    }
  }

  /**
   * Takes the command under way, which is too large to be gathered: it is passed on as it comes, or answered and passed
   * over.
   *
   * @returns undefined where it has to wait
   */
  takeLarge(): LargeRequest | undefined {
    const { inlet, outlet, regional, virtual, database, user } = this.session;
    if (outlet.full) return undefined;
    const { entry, argumentCount, largeBytes: limitBytes } = inlet.scanner;
    const { typed } = virtual;
    const begun = (): Buffer => inlet.begun(LARGE_REQUEST_BYTES);
    const answer = answerLarge({ entry, argumentCount, begun, limitBytes, database, user, typed });
    if (answer) outlet.answer(answer);
    if (answer || !entry) return answered;
    if (outlet.inFlight > 0 && !(database === 1 && outlet.holding)) return undefined;
    const request = database === 0 ? regional.stream(entry) : virtual.stream(entry, argumentCount, inlet.held);
    if (typeof request !== "string") return request;
    this.answerError(request);
    return answered;
  }

  private takeInspected({ error, words, blocksMs }: Inspection, frame: Buffer): boolean {
    if (error !== undefined) return this.answerError(error);
    return this.session.regional.forward(words ? encodeRequest(words) : frame, blocksMs);
  }

  private takeLocal(command: CommandSpecification, words: readonly Buffer[]): boolean {
    const { session, services } = this;
    const { scanner } = session.inlet;
    // A fetched answer cannot trail behind replies still to come, so it waits for them.
    if (command.name === "INFO" && session.outlet.inFlight > 0) return false;
    services.counters.local++;
    const answer = answerLocally(command, words, session, services.sources);
    if (answer instanceof Promise) {
      session.fetch(answer);
      return true;
    }
    scanner.authenticated = session.user !== undefined;
    scanner.largeBytes = this.largeBytes();
    this.answer(answer);
    if (command.name === "QUIT") session.leave();
    return true;
  }

  private takeReceipt(command: CommandSpecification, words: readonly Buffer[]): boolean {
    const { session, services } = this;
    if (session.outlet.inFlight > 0) return false;
    services.counters.local++;
    const receipt = session.virtual.receipt(command, words, () => session.gone);
    if (typeof receipt === "string") return this.answerError(receipt);
    session.fetch(receipt);
    return true;
  }

  /** Unauthenticated clients are held to smaller frames by the scanner. */
  private largeBytes(): number {
    const { user, database } = this.session;
    if (!user) return Number.POSITIVE_INFINITY;
    return database === 0 ? LARGE_REQUEST_BYTES : this.services.virtualLimitBytes;
  }

  private answerError(text: string): true {
    return this.answer(encodeError(text));
  }

  private answer(bytes: Buffer): true {
    this.session.outlet.answer(bytes);
    return true;
  }
}

function nameOf(entry: CommandEntry | undefined): string {
  return entry?.specification.name ?? "";
}
