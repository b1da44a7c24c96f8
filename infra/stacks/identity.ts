import { Aws, CfnOutput, Stack } from "aws-cdk-lib";
import {
  AccountRecovery,
  CfnUserPoolGroup,
  FeaturePlan,
  Mfa,
  OAuthScope,
  StandardThreatProtectionMode,
  UserPool,
  UserPoolClient,
} from "aws-cdk-lib/aws-cognito";
import type { Construct } from "constructs";
import type { StageConfig } from "../stage.ts";
import type { EdgeStack } from "./edge.ts";

type Props = { edge: EdgeStack; stage: StageConfig };

/**
 * Where people sign in to the portal: a Cognito user pool, to which a company's own identity provider can be federated. Nobody signs
 * up alone: an operator makes the first users, invitations bring in the rest.
 */
export class IdentityStack extends Stack {
  /** as in ID tokens' `iss` */
  readonly issuer: string;
  readonly clientId: string;

  constructor(scope: Construct, id: string, { edge, stage }: Props) {
    super(scope, id);
    const pool = new UserPool(this, "People", {
      signInAliases: { email: true },
      signInCaseSensitive: false,
      selfSignUpEnabled: false,
      passwordPolicy: {
        minLength: 14,
        requireDigits: true,
        requireLowercase: true,
        requireSymbols: true,
        requireUppercase: true,
      },
      mfa: Mfa.REQUIRED,
      mfaSecondFactor: { otp: true, sms: false },
      accountRecovery: AccountRecovery.EMAIL_ONLY,
      featurePlan: FeaturePlan.PLUS,
      standardThreatProtectionMode: StandardThreatProtectionMode.FULL_FUNCTION,
      deletionProtection: stage.name === "prod",
      removalPolicy: stage.removal,
    });
    pool.addDomain("Domain", { cognitoDomain: { domainPrefix: `suture-${stage.name}-${Aws.ACCOUNT_ID}` } });
    // The portal proves the code by PKCE: a secret would have to be carried from here to there, and would prove no more
    const client = new UserPoolClient(this, "Portal", {
      userPool: pool,
      generateSecret: false,
      oAuth: {
        flows: { authorizationCodeGrant: true },
        scopes: [OAuthScope.OPENID, OAuthScope.EMAIL, OAuthScope.PROFILE],
        callbackUrls: [`${edge.publicUrl}/sign-in/callback`],
        logoutUrls: [`${edge.publicUrl}/sign-in`],
      },
      preventUserExistenceErrors: true,
    });
    new CfnUserPoolGroup(this, "Operators", {
      userPoolId: pool.userPoolId,
      groupName: "suture-operators",
      description: "Run the service",
    });
    this.issuer = pool.userPoolProviderUrl;
    this.clientId = client.userPoolClientId;
    new CfnOutput(this, "UserPool", { value: pool.userPoolId });
  }
}
