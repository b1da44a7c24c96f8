/**
 * List prices in us-east-1, US dollars, without free tiers and discounts. Read on 2026-11-25 from aws.amazon.com/…/pricing of each
 * service; a change there is a change here.
 */
export const prices = {
  date: "2026-11-25",
  region: "us-east-1",
  perMillion: {
    lambdaRequests: 0.2,
    httpApiRequests: 1,
    cdnRequests: 1,
    readUnits: 0.125,
    writeUnits: 0.625,
    seldomReadWriteUnits: 0.78,
    streamReads: 0.2,
    kmsAsymmetricRequests: 15,
    kmsSymmetricRequests: 3,
    queueRequests: 0.5,
    objectPuts: 5,
    objectGets: 0.4,
    secretReads: 5,
  },
  perGb: { lambdaSecondsArm: 0.0000133334, functionBytesOut: 0.09, cdnBytesOut: 0.085, logs: 0.5 },
  perMonth: {
    tableGb: 0.25,
    seldomReadTableGb: 0.1,
    tableBackupGb: 0.2,
    objectGb: 0.023,
    kmsKey: 1,
    secret: 0.4,
    alarm: 0.1,
    dashboard: 3,
  },
} as const;

/**
 * What only a real account can measure, as it is assumed until then: billed milliseconds at 256 MB, and what AWS adds to each answer
 * in bytes.
 */
export const assumed = {
  pollMillis: 2,
  checkInMillis: 60,
  reportMillis: 40,
  memoryGb: 0.25,
  addedHeaderBytes: 250,
  /** of a public file */
  readBytes: 4000,
  seatBytes: 200,
  /** at 512 MB, in a batch with others */
  indexMillis: 5,
  /** at 256 MB, of a batch that holds one report */
  epochsMillis: 60,
  /** how long an instance lives, and what it keeps with it */
  instanceSeconds: 2 * 3600,
  /** of the machines' stream, and of the states': each has its own batches */
  shards: 4,
};
