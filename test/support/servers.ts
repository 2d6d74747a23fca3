// Real servers for tests, and the way to skip, with a word, what needs one on a machine that has none.
import { describe } from "@jest/globals";
import { findServer } from "../../local/serverBinary";

export { Server } from "../../local/servers";

/** `describe` where there is a server program; else a skipped `describe`. */
export const describeWithServer = findServer() ? describe : describe.skip;

if (!findServer()) console.warn("No redis-server or valkey-server here: tests that need one are skipped.");
