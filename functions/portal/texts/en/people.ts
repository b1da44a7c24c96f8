export const people = {
  title: "Users and roles",
  lead: "Who may look, who may decide. People come in by an invitation, or with your own identity provider.",
  user: "Person",
  role: "Role",
  joined: "Since",
  remove: "Let go",
  removes: "Every sign-in of this person ends at once. An invitation or a group lets the person in again.",
  you: "you",
  empty: "Nobody yet: the account is worked with tokens. Invite the first person.",
  roles: "What the roles may",
  may: {
    owner: "everything: people, tokens, policies, rollouts, machines",
    operator: "policies, rollouts, machines, enrolment tokens",
    viewer: "read all but the API tokens",
    publisher: "publish, promote, withdraw, grant channels, people and tokens",
  },
  invite: "Invite a person",
  fields: {
    user: "E-mail address",
    role: "Role",
    days: "For how many days",
  },
  makeInvitation: "Make the invitation",
  invited: (user: string) => `Send this to ${user}; it lets one person in, once:`,
  invitedUntil: (when: string) => `It can be accepted until ${when}.`,
  onceShown: "It is shown this once: the service keeps only its hash.",
  back: "Back to the people",
  provider: "Identity provider",
  providerLead:
    "Your people sign in with your own provider (OpenID Connect); its groups give the roles, and who is in none of them any more loses the access.",
  noProvider: "None yet: people come in by invitations.",
  setProvider: "Change the identity provider",
  addProvider: "Connect an identity provider",
  onlyOwners: "Owners and publishers look after people.",
};

export const provider = {
  title: "Identity provider",
  fields: {
    issuer: "Issuer",
    issuerHint: "The address that stands in its tokens as iss.",
    audience: "Audience",
    audienceHint: "What stands in them as aud: Suture's client id there.",
    jwks: "Public keys",
    jwksHint:
      "What its jwks_uri shows. The service fetches nothing from addresses that a tenant names, so set them again when they change.",
    groupsClaim: "Claim with the groups",
    group: "Group",
    role: "gives",
  },
  groups: "Groups and roles",
  groupsHint: "Of several the highest counts.",
  noRole: "nothing",
  save: "Save",
  notJson: "Public keys: this is not JSON. Paste the whole of what jwks_uri shows.",
};

export const join = {
  title: "Accept an invitation",
  invitation: "Invitation",
  hint: "It begins with suture-invite. and works once.",
  submit: "Accept and sign in",
};
