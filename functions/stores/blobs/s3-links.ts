import { AwsClient } from "aws4fetch";
import { checkKey } from "./blobs.ts";

type Options = {
  /** of the bucket, without a slash at its end: `https://bucket.s3.region.amazonaws.com` */
  bucketUrl: string;
  region: string;
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
  /** whose host passes requests on to the bucket as they are, the CDN; the bucket's own by default */
  servedFrom?: string;
};

/**
 * Signs download links for a bucket without the SDK, for agent-api, whose bundle holds none. Whoever holds a link reads that one
 * blob until it expires.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
 */
export function s3Links({ bucketUrl, region, credentials, servedFrom }: Options) {
  const signer = new AwsClient({ ...credentials, region, service: "s3" });
  return async (key: string, { expiresInSeconds }: { expiresInSeconds: number }): Promise<string> => {
    checkKey(key);
    const url = new URL(`${bucketUrl}/${key}`);
    url.searchParams.set("X-Amz-Expires", String(expiresInSeconds));
    const signed = (await signer.sign(url.toString(), { method: "GET", aws: { signQuery: true } })).url;
    return servedFrom === undefined ? signed : servedFrom + signed.slice(bucketUrl.length);
  };
}
