// Every rule of the pack: what these modules export, which is nothing but rules.
import type { Policies } from "@pulumi/policy";
import * as cloudwatch from "./cloudwatch";
import * as ec2 from "./ec2";
import * as ecr from "./ecr";
import * as ecs from "./ecs";
import * as elasticache from "./elasticache";
import * as elasticacheAccess from "./elasticacheAccess";
import * as iam from "./iam";
import * as lb from "./lb";
import * as sns from "./sns";
import * as sqs from "./sqs";
import * as stack from "./stack";

const services = [cloudwatch, ec2, ecr, ecs, elasticache, elasticacheAccess, iam, lb, sns, sqs, stack];

/** The rules, by name. */
export const rules: Policies = services
  .flatMap((service): Policies => Object.values(service))
  .toSorted((one, other) => one.name.localeCompare(other.name));
