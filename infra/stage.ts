import { RemovalPolicy } from "aws-cdk-lib";

/** What differs between the stages. Each has an AWS account of its own, so names need not differ. */
export type StageConfig = {
  name: "dev" | "prod";
  /** what becomes of tables, buckets and keys when their stack is deleted */
  removal: RemovalPolicy;
  /** what machines are told to wait between polls, in seconds */
  pollSeconds: number;
  /**
   * The cap of agent-api: a function answers at most ten requests a second for each. With the machines' jitter this is twice what a
   * million machines at 15 minutes need, and it is what a flood can cost at most (docs/deploy.md).
   */
  agentConcurrency: number;
  /** the HTTP API's cap, in requests a second */
  apiRate: number;
  /** above 80 % of it a month's bill is an alarm; US dollars */
  monthlyBudget: number;
};

/** A service's own name: the certificate is in us-east-1, where CloudFront reads it. */
export type Domain = { name: string; certificateArn: string };

export const stages: readonly StageConfig[] = [
  {
    name: "dev",
    removal: RemovalPolicy.DESTROY,
    pollSeconds: 60,
    agentConcurrency: 10,
    apiRate: 50,
    monthlyBudget: 50,
  },
  {
    name: "prod",
    removal: RemovalPolicy.RETAIN,
    pollSeconds: 900,
    agentConcurrency: 250,
    apiRate: 200,
    monthlyBudget: 2000,
  },
];
