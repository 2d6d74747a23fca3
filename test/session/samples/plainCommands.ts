// Samples of commands that the shim answers by itself.
import { commandsIn } from "./sample";

export const plainCommands: readonly string[][] = commandsIn(`
  PING
  ping
  PING hello
  PING a b
  ECHO hello
  ECHO
  ECHO a b
  SELECT 0
  SELECT abc
  SELECT 16
  SELECT 1000000000
  SELECT -1000000000
  SELECT 2147483647
  SELECT 2147483648
  SELECT -2147483649
  SELECT 9223372036854775807
  SELECT 9223372036854775808
  SELECT 00
  SELECT -1
  SELECT
  AUTH
  AUTH a b c
  AUTH wrong
  AUTH wrong wrong
  HELLO 4
  HELLO abc
  HELLO 03
  HELLO -0
  HELLO -3
  HELLO 2147483648
  HELLO 9223372036854775807
  HELLO 9223372036854775808
  HELLO 2 AUTH
  HELLO 2 AUTH default wrong
  HELLO 2 NOSUCH
  HELLO 2 SETNAME a\u0001b
  RESET
  PING
  SELECT 0
  HELLO
`);
