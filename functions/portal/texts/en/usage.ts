import type { SubscriptionView } from "../../../../protocol/wire/subscriptions.ts";

type Standing = SubscriptionView["standing"];

export const usage = {
  title: "Usage",
  lead: "How many machines held a seat at some time of each month (UTC), as it is counted for the bill.",
  month: "Month",
  stream: "Channel",
  customer: "Customer",
  machines: "Machines",
  seats: "Seats",
  counted: "Counted",
  chart: "Machines that held a seat, by month",
  noUsage: "Nothing was counted yet. Machines are counted hourly from the first that applies a patch on.",
  subscriptions: "Subscriptions",
  plan: "Plan",
  taken: "Seats taken",
  ends: "Ends",
  noEnd: "no end",
  standing: "Standing",
  standings: {
    active: { word: "Active", advice: "New patches come." },
    grace: { word: "In grace", advice: "It has ended, and is still served for its days of grace. Renew it." },
    ended: { word: "Ended", advice: "No new patches; what is applied stays, recalls undo. Renew it." },
    revoked: { word: "Revoked", advice: "No new patches; what is applied stays, recalls undo." },
  } satisfies Record<Standing, { word: string; advice: string }>,
  takenOf: (taken: string, seats: string) => `${taken} of ${seats}`,
  noSubscriptions: "No subscription yet. Whoever runs your Suture service, or a vendor, gives you a channel:",
  nobodySubscribed: "Nobody has a channel of yours yet. Give a customer one:",
  command: (customer: string) => `suture customer subscribe ${customer} VENDOR/PRODUCT/CHANNEL`,
  vendorCommand: (vendor: string) => `suture customer subscribe CUSTOMER ${vendor}/PRODUCT/CHANNEL`,
};
