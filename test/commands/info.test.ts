import { expect, test } from "@jest/globals";
import { renderInfo } from "../../shim/commands/info";

const replica = [
  "# Server\r\nredis_version:7.0.15\r\nconfig_file:/etc/redis.conf\r\ntcp_port:6379\r\n",
  "# Replication\r\nrole:slave\r\nmaster_host:10.0.0.1\r\n",
  "# Modules\r\nmodule:name=secret\r\n",
  "# Keyspace\r\ndb0:keys=1,expires=0,avg_ttl=0\r\ndb1:keys=2,expires=0,avg_ttl=0\r\n",
].join("\r\n");

const harmless = [
  "# Server\r\nredis_version:7.0.15\r\n",
  "# Replication\r\nrole:master\r\n",
  "# Keyspace\r\ndb0:keys=1,expires=0,avg_ttl=0\r\n",
].join("\r\n");

test("INFO is cut down to what is harmless, and the cluster is always a primary", () => {
  expect(renderInfo(replica, ["server", "replication", "modules", "keyspace"], { region: "eu-west-1" })).toBe(harmless);
});

test.each([[[]], [["all"]], [["default"]], [["everything"]], [["server", "fly"]]])(
  "INFO %j shows the shim's own section as well",
  (sections) => {
    expect(renderInfo(replica, sections, { region: "eu-west-1", sessions: 2 })).toBe(
      `${harmless}\r\n# Fly\r\nregion:eu-west-1\r\nsessions:2\r\n`,
    );
  },
);
