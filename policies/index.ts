// The pack: a list of rules, which live in modules of their own because making a pack starts its server.
import { PolicyPack } from "@pulumi/policy";
import { rules } from "./rules";

new PolicyPack("redis-on-fly", { policies: [...rules], enforcementLevel: "mandatory" });
