import { Duration, Stack } from "aws-cdk-lib";
import { Key, KeySpec, KeyUsage } from "aws-cdk-lib/aws-kms";
import type { Construct } from "constructs";
import type { StageConfig } from "../stage.ts";

/** The online roles of the service's own repository, each with a key that never leaves KMS. */
type ServiceRole = "snapshot" | "timestamp" | "planKeys" | "recalls";

/**
 * The keys that KMS holds. A vendor's snapshot and timestamp keys are data key pairs under one wrapping key with the vendor as
 * encryption context. AWS rotates the wrapping key by itself; a signing key is rotated by a new root (docs/operations.md).
 */
export class SigningStack extends Stack {
  readonly wrapping: Key;
  readonly service: Readonly<Record<ServiceRole, Key>>;

  constructor(scope: Construct, id: string, { removal }: StageConfig) {
    super(scope, id);
    const kept = { removalPolicy: removal, pendingWindow: Duration.days(30) };
    this.wrapping = new Key(this, "Wrapping", {
      ...kept,
      alias: "suture/wrapping",
      description: "Wraps the vendors' snapshot and timestamp keys",
      enableKeyRotation: true,
    });
    const signing = (role: ServiceRole, alias: string) =>
      new Key(this, role, {
        ...kept,
        alias: `suture/${alias}`,
        description: `Signs the service's ${alias} metadata`,
        keySpec: KeySpec.ECC_NIST_P256,
        keyUsage: KeyUsage.SIGN_VERIFY,
      });
    this.service = {
      snapshot: signing("snapshot", "snapshot"),
      timestamp: signing("timestamp", "timestamp"),
      planKeys: signing("planKeys", "plan-keys"),
      recalls: signing("recalls", "recalls"),
    };
  }
}
