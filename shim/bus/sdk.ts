// How the AWS SDK's clients are set up here: they retry little, never wait for ever, and every request is counted.

/** Where a service is. Credentials come from the environment, as the AWS SDK finds them. */
export interface ServiceOptions {
  readonly region: string;
  /** URL of an emulator; AWS's own endpoints otherwise. */
  readonly endpoint?: string | undefined;
}

/** Told of every request to SNS or SQS, by its operation; one that is tried again is told again. */
export type OnRequest = (operation: string) => void;

/** Publisher and consumer have their own, longer patience. */
const MAX_ATTEMPTS = 2;
/** A call that got lost on the way must end as an error: the SDK would wait for ever. */
const TIMEOUTS = { connectionTimeout: 3_000, throwOnRequestTimeout: true } as const;
/** A request's time, beyond what the service is asked to wait. */
const REQUEST_TIMEOUT_MS = 10_000;

/** @param waitMs - how long the service may be asked to wait. @default it is not */
export function clientOptions({ region, endpoint }: ServiceOptions, waitMs = 0) {
  return {
    region,
    maxAttempts: MAX_ATTEMPTS,
    ...(endpoint === undefined ? {} : { endpoint }),
    requestHandler: { ...TIMEOUTS, requestTimeout: waitMs + REQUEST_TIMEOUT_MS },
  };
}

/** A middleware that counts, and where it goes: behind the SDK's own retries. */
export function counting(onRequest: OnRequest) {
  const count =
    <Arguments, Result>(next: (args: Arguments) => Result, { commandName = "" }: { commandName?: string }) =>
    (args: Arguments) => {
      onRequest(commandName.replace(/Command$/, ""));
      return next(args);
    };
  return [count, { step: "finalizeRequest", priority: "low" }] as const;
}
