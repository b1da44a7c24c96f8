import { Duration, Fn, RemovalPolicy, Stack } from "aws-cdk-lib";
import { HttpApi, HttpStage, LogGroupLogDestination } from "aws-cdk-lib/aws-apigatewayv2";
import { Certificate } from "aws-cdk-lib/aws-certificatemanager";
import {
  AllowedMethods,
  CachePolicy,
  Distribution,
  type ErrorResponse,
  OriginRequestPolicy,
  ResponseHeadersPolicy,
  SecurityPolicyProtocol,
  ViewerProtocolPolicy,
} from "aws-cdk-lib/aws-cloudfront";
import { HttpOrigin, S3BucketOrigin } from "aws-cdk-lib/aws-cloudfront-origins";
import { LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import { Bucket } from "aws-cdk-lib/aws-s3";
import type { Construct } from "constructs";
import { edgeHeader } from "../../functions/viewer-address.ts";
import { acknowledge } from "../acknowledge.ts";
import type { Domain, StageConfig } from "../stage.ts";
import type { DataStack } from "./data.ts";

type Props = { data: DataStack; stage: StageConfig; domain: Domain | undefined };

/** So long an old `timestamp.json` may be served: what a publish waits for, since nothing is ever invalidated. */
const timestampSeconds = 5;

/**
 * The one name that everybody knows: CloudFront, with the repositories and the bundles straight from the bucket, and the HTTP API
 * behind it for people and programs. It is also the agents' bootstrap name.
 */
export class EdgeStack extends Stack {
  readonly api: HttpApi;
  readonly distribution: Distribution;
  /** with no slash at its end */
  readonly publicUrl: string;

  constructor(scope: Construct, id: string, props: Props) {
    super(scope, id);
    this.addStackDependency(props.data);
    this.api = this.#httpApi(props.stage);
    this.distribution = this.#distribution(props);
    this.publicUrl = `https://${props.domain?.name ?? this.distribution.distributionDomainName}`;
  }

  #httpApi({ apiRate }: StageConfig): HttpApi {
    const api = new HttpApi(this, "Api", { createDefaultStage: false });
    const logs = new LogGroup(this, "ApiLogs", {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    new HttpStage(this, "Stage", {
      httpApi: api,
      stageName: "$default",
      autoDeploy: true,
      throttle: { rateLimit: apiRate, burstLimit: apiRate * 2 },
      accessLogSettings: { destination: new LogGroupLogDestination(logs) },
    });
    return api;
  }

  #distribution({ data, domain }: Props): Distribution {
    // By its name, since the data stack must not depend on this one: it lets in any distribution of its account
    const bucket = Bucket.fromBucketAttributes(this, "Objects", {
      bucketName: data.bucket.name,
      bucketRegionalDomainName: data.bucket.domainName,
    });
    const https = ViewerProtocolPolicy.REDIRECT_TO_HTTPS;
    const repositories = {
      origin: S3BucketOrigin.withOriginAccessControl(bucket),
      viewerProtocolPolicy: https,
      compress: true,
      responseHeadersPolicy: ResponseHeadersPolicy.SECURITY_HEADERS,
    };
    const kept = (name: string, seconds: number) =>
      new CachePolicy(this, name, {
        minTtl: Duration.seconds(0),
        defaultTtl: Duration.seconds(seconds),
        maxTtl: Duration.seconds(seconds),
        enableAcceptEncodingGzip: true,
        enableAcceptEncodingBrotli: true,
      });
    const distribution = new Distribution(this, "Distribution", {
      comment: "Suture",
      ...(domain && {
        minimumProtocolVersion: SecurityPolicyProtocol.TLS_V1_2_2021,
        domainNames: [domain.name],
        certificate: Certificate.fromCertificateArn(this, "Certificate", domain.certificateArn),
      }),
      defaultBehavior: {
        origin: new HttpOrigin(Fn.select(2, Fn.split("/", this.api.apiEndpoint)), {
          customHeaders: { [edgeHeader]: data.edgeKey },
        }),
        viewerProtocolPolicy: https,
        allowedMethods: AllowedMethods.ALLOW_ALL,
        cachePolicy: CachePolicy.CACHING_DISABLED,
        originRequestPolicy: OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
      },
      additionalBehaviors: {
        "tuf/*/timestamp.json": { ...repositories, cachePolicy: kept("Timestamp", timestampSeconds) },
        "tuf/*": { ...repositories, cachePolicy: kept("Versioned", 365 * 86_400) },
        // The link's signature is the bucket's to check, each time: nothing of it is cached
        "bundles/*": {
          origin: new HttpOrigin(data.bucket.domainName),
          viewerProtocolPolicy: https,
          cachePolicy: CachePolicy.CACHING_DISABLED,
          originRequestPolicy: OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
        },
      },
      errorResponses: [403, 404].map(neverKept),
    });
    acknowledge(distribution, "AwsSolutions-CFR1", "Patches are for hosts everywhere");
    acknowledge(distribution, "AwsSolutions-CFR2", "What is public is meant to be; the API has its own caps");
    acknowledge(distribution, "AwsSolutions-CFR3", "A line for each public file costs more than serving it");
    acknowledge(
      distribution,
      "Annotation::@aws-cdk/aws-cloudfront-origins:updateImportedBucketPolicyOac",
      "The data stack's bucket policy lets CloudFront in",
    );
    acknowledge(distribution, "AwsSolutions-CFR4", "Without a domain of its own it has CloudFront's certificate");
    return distribution;
  }
}

/** "No newer root" must not be believed a moment longer than it is true. */
function neverKept(httpStatus: number): ErrorResponse {
  return { httpStatus, ttl: Duration.seconds(0) };
}
