// The way to skip, with a word, what needs a real server on a machine that has none.
import { describe } from "@jest/globals";
import { findServer } from "../../local/serverBinary";

/** `describe` where there is a server program; else a skipped `describe`. */
export const describeWithServer = findServer() ? describe : describe.skip;

if (!findServer()) console.warn("No redis-server or valkey-server here: tests that need one are skipped.");
