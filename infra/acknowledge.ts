import { Validations } from "aws-cdk-lib";
import type { IConstruct } from "constructs";

/** Says why a finding of cdk-nag on this construct, or on what is within it, is no fault. */
export function acknowledge(construct: IConstruct, id: string, reason: string): void {
  Validations.of(construct).acknowledge({ id, reason });
}
