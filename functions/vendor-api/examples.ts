/** What the API's description shows: one vendor, one customer, one patch, told from route to route. */

const digest = "ab".repeat(32);
const at = "2026-11-25T09:00:00.000Z";
const end = "2027-11-25T09:00:00.000Z";
const secret = "3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const machineId = `m-${"0a".repeat(16)}`;

const patchId = "acme/echod/stable/bounds-check@1";

const tufKey = {
  keyid: digest,
  keytype: "ecdsa",
  scheme: "ecdsa-sha2-nistp256",
  keyval: { public: "-----BEGIN PUBLIC KEY-----\n…\n-----END PUBLIC KEY-----\n" },
} as const;
const onlineKeys = { snapshot: tufKey, timestamp: tufKey };
export const serviceKeys = { ...onlineKeys, planKeys: tufKey, recalls: tufKey };
const vendorName = { vendor: "acme", title: "Acme" };

export const newVendor = vendorName;
export const nextOnlineKeys = { vendor: vendorName.vendor, onlineKeys, nextOnlineKeys: onlineKeys };
export const vendorCreated = { ...vendorName, onlineKeys, token: `suture-api.${secret}` };
export const vendor = { ...vendorName, onlineKeys, roles: [{ role: "echod.stable", version: 3, acceptedAt: at }] };
export const vendors = { vendors: [{ ...vendorName, createdAt: at }] };

const patch = {
  id: patchId,
  product: "echod",
  channel: "stable",
  title: "Check the length of a request",
  severity: "high",
  cves: ["CVE-2026-12345"],
  state: "live",
  liveAt: at,
} as const;
export const patches = { patches: [patch] };
export const patchDetail = {
  ...patch,
  manifest: {
    manifest: 1,
    product: "echod",
    channel: "stable",
    patch: "bounds-check",
    version: 1,
    title: "Check the length of a request",
    severity: "high",
    cves: ["CVE-2026-12345"],
    supersedes: [],
    requires: [],
    health: { windowSeconds: 5, checks: [] },
    variants: [
      {
        engine: "elf",
        functions: [{ name: "echo", replacement: "echo_checked" }],
        match: { buildId: "ab".repeat(20), arch: "x86_64" },
        bundle: { sha256: digest, size: 1841, encoding: "zstd", payload: { sha256: digest, size: 15_960 } },
      },
    ],
  },
  manifestSha256: digest,
  manifestLength: 612,
  evidence: { healthy: 10, machines: 10, hours: 24 },
  adoption: {
    customers: 12,
    rollouts: { running: 3, halted: 1, aborted: 0, done: 8 },
    machines: { applied: 980, partial: 0, failed: 3, undoing: 0, undone: 2, skipped: 5 },
  },
} as const;

export const role = { role: "echod.stable", version: 3, text: '{"signatures":[…],"signed":{…}}' };
export const roleUpdate = {
  text: '{"signatures":[…],"signed":{…}}',
  files: { "echod/stable/bounds-check@1.json": '{"manifest":1,…}' },
};
export const roleAccepted = { role: "echod.stable", version: 3 };
export const uploadsRequest = { bundles: [{ sha256: digest, size: 1841 }] };
export const uploads = { uploads: [{ sha256: digest, present: true as const }] };

export const newCustomer = { customer: "globex", title: "Globex" };
export const customer = { ...newCustomer, groups: { default: { mode: "auto" } }, createdAt: at } as const;
export const customers = { customers: [customer] };

export const newEnrolmentToken = { group: "web", tags: ["eu"], uses: 20, expiresInHours: 168 };
const enrolment = { group: "web", tags: ["eu"], ephemeral: false, expiresAt: "2026-12-02T09:00:00.000Z" };
export const enrolmentToken = {
  ...enrolment,
  token: `suture-enrol.${secret}.${digest}`,
  customer: "globex",
  uses: 20,
};
export const enrolmentTokens = { tokens: [{ ...enrolment, id: digest, usesLeft: 17, createdAt: at }] };

export const machine = {
  machine: machineId,
  hostname: "web-1",
  group: "web",
  tags: ["eu"],
  arch: "x86_64",
  kernel: "6.1.0-28-amd64",
  agent: "0.1.0",
  refusals: [
    {
      of: "plan" as const,
      name: "",
      code: "wrong-machine" as const,
      detail: "The plan is for another machine",
      since: at,
      last: at,
      over: at,
    },
  ],
  enrolledAt: at,
  seenAt: at,
  liveness: "live" as const,
  ephemeral: false,
  patches: [{ patch: patchId, state: "applied" as const, detail: "", at }],
};
export const machines = { machines: [machine] };
export const retiredMachine = { ...machine, liveness: "retired" as const, retired: { at, by: "operator" as const } };
export const supportReport = {
  machines: [
    {
      machine: machineId,
      hostname: "web-1",
      products: [
        {
          vendor: "acme",
          product: "echod",
          what: `build ${"ab".repeat(20)} of /usr/sbin/echod`,
          coverage: "ends-in-30-days",
          until: "2026-12-20T00:00:00.000Z",
        },
      ],
    },
  ],
} as const;

export const newToken = { token: `suture-api.${secret}`, label: "ci", expiresAt: end };
export const apiToken = { id: digest, role: "viewer", label: "wallboard", createdAt: at, expiresAt: end };
export const apiTokens = { tokens: [apiToken] };
export const whoami = {
  principal: { kind: "customer", tenant: "globex", role: "viewer" },
  label: "wallboard",
  expiresAt: end,
} as const;
export const member = { user: "ann@example.com", role: "viewer", joinedAt: at } as const;
export const members = { members: [member] };

const subscription = {
  customer: "globex",
  vendor: "acme",
  product: "echod",
  channel: "stable",
  plan: "standard",
  seats: 200,
  seatsTaken: 17,
  endsAt: end,
  graceDays: 14,
  standing: "active",
} as const;
export const subscriptions = { subscriptions: [subscription] };
export const usage = {
  usage: [
    { customer: "globex", stream: "acme/echod/stable", month: "2026-11", machines: 17, seats: 200, countedAt: at },
  ],
};

export const rollout = {
  customer: "globex",
  patch: patchId,
  state: "running",
  wave: 1,
  waves: [
    { share: 0.05, bakeMinutes: 60 },
    { share: 1, bakeMinutes: 0 },
  ],
  failureLimit: 0.1,
  onHalt: "undo",
  undoing: false,
  machines: { applied: 9, partial: 0, failed: 1, undoing: 0, undone: 0, skipped: 0, causes: { failed: 1 } },
  gate: {
    openedAt: at,
    bakesUntil: end,
    machines: 12,
    tried: 10,
    wanted: 6,
    rollout: { attempts: 10, failures: 1, lowerBound: 0.018 },
    wave: { attempts: 10, failures: 1, lowerBound: 0.018 },
  },
  history: [{ at, what: "started", by: "the service", wave: 1, minutes: 0, detail: "" }],
};

const envelope = {
  payloadType: "application/vnd.in-toto+json",
  payload: "eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEiLCAuLi59",
  signatures: [{ keyid: digest, sig: "MEUCIQDq" }],
};
export const publication = {
  statement: envelope,
  at,
  keys: [tufKey.keyval.public],
  threshold: 1,
  provenance: [
    {
      envelope,
      key: tufKey.keyval.public,
      builder: "https://ci.example.com/builders/7",
      buildType: "https://ci.example.com/make/v1",
      subjects: [digest],
    },
  ],
};
export const receipts = {
  machine: machineId,
  publicKey: { kty: "OKP", crv: "Ed25519", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" } as const,
  receipts: [
    { sequence: 7, receivedAt: at, envelope: { ...envelope, signatures: [{ keyid: machineId, sig: "MEUC" }] } },
  ],
};
