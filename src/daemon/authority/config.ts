import { z } from 'zod';
import {
  CERTIFICATE_LIFE_MS_MAX,
  CERTIFICATE_LIFE_MS_MIN,
  type AuthorityPolicy,
  OWN_ROLES_MAX,
  parseOwnRoles,
  POLICY_DEFAULTS,
} from '../../authority/policy.ts';
import { messageOf } from '../../base/errors.ts';
import { DAY_MS, HOUR_MS } from '../../base/time.ts';
import { CAPABILITIES_MAX } from '../../identity/capability.ts';
import { scopeOf } from '../../identity/delegate/scope.ts';
import { addressKnob, type ConfigSources, durationKnob, loadConfig, logLevelKnob } from '../config.ts';
import { formatDuration } from '../../base/duration.ts';

/** Where an authority listens unless it is told. */
export const AUTHORITY_LISTEN_DEFAULT = '127.0.0.1:8440';

const spanKnob = (minMs: number, maxMs: number) =>
  durationKnob().refine((ms) => ms >= minMs && ms <= maxMs, {
    message: `expected ${formatDuration(minMs)} to ${formatDuration(maxMs)}`,
  });

const ownRolesKnob = () =>
  z.record(z.string(), z.array(z.string()).max(CAPABILITIES_MAX)).transform((texts, context) => {
    if (Object.keys(texts).length > OWN_ROLES_MAX)
      context.addIssue({ code: 'custom', message: `expected at most ${OWN_ROLES_MAX} roles` });
    return checked(() => parseOwnRoles(texts), context);
  });

const scopeKnob = () => z.array(z.string()).transform((texts, context) => checked(() => scopeOf(texts), context));

/** What `parse` gives; what it throws is an issue of the knob. */
function checked<T>(parse: () => T, context: z.RefinementCtx): T {
  try {
    return parse();
  } catch (error) {
    context.addIssue({ code: 'custom', message: messageOf(error) });
    return z.NEVER;
  }
}

/** Knobs of an authority, as `chainmail.yaml` names them. */
const authorityConfigSchema = z.strictObject({
  mesh: z.string(),
  listen: addressKnob(0).default(AUTHORITY_LISTEN_DEFAULT),
  hosts: z.array(z.string().min(1).max(253)).max(32).default([]),
  certificate_life: spanKnob(CERTIFICATE_LIFE_MS_MIN, CERTIFICATE_LIFE_MS_MAX).default(
    POLICY_DEFAULTS.certificateLifeMs,
  ),
  administrator_life: spanKnob(HOUR_MS, 3_650 * DAY_MS).default(POLICY_DEFAULTS.administratorLifeMs),
  crl_life: spanKnob(60_000, 30 * DAY_MS).default(POLICY_DEFAULTS.crlLifeMs),
  allow: z.array(z.string().min(1).max(63)).max(100_000).optional(),
  nodes_max: z.int().min(1).max(1_000_000).default(POLICY_DEFAULTS.nodesMax),
  gossip_fanout: z.int().min(1).max(16).default(POLICY_DEFAULTS.gossipFanout),
  enroll_per_minute: z.int().min(1).max(1_000_000).default(300),
  requests_per_minute: z.int().min(1).max(1_000_000).default(6_000),
  roles: ownRolesKnob().default(() => POLICY_DEFAULTS.ownRoles),
  delegate_scope: scopeKnob().default(() => POLICY_DEFAULTS.delegateScope),
  log_level: logLevelKnob(),
});

export type AuthorityConfig = Readonly<z.output<typeof authorityConfigSchema>>;

/** @throws ERR_CONFIG */
export function loadAuthorityConfig(sources: ConfigSources): AuthorityConfig {
  return loadConfig(authorityConfigSchema, sources);
}

/**
 * The part of the configuration that judges enrolments and times; the rest says where and how the process listens.
 */
export function policyOf(config: AuthorityConfig): AuthorityPolicy {
  return {
    certificateLifeMs: config.certificate_life,
    administratorLifeMs: config.administrator_life,
    crlLifeMs: config.crl_life,
    allow: config.allow,
    nodesMax: config.nodes_max,
    gossipFanout: config.gossip_fanout,
    ownRoles: config.roles,
    delegateScope: config.delegate_scope,
  };
}

/** The file that `authority init` writes: what was chosen, and every other knob with its default in a comment. */
export function renderAuthorityConfig(chosen: {
  readonly mesh: string;
  readonly listen: string;
  readonly hosts: readonly string[];
  readonly certificateLifeMs: number;
}): string {
  const span = formatDuration;
  return `# Configuration of a Chainmail authority. A flag comes first, then the environment variable (CHAINMAIL_ and the name
# in capitals, such as CHAINMAIL_CRL_LIFE), then this file. Unknown names are refused. Read when the authority starts.

# The mesh that this authority vouches for. Fixed: keys and certificates carry it.
mesh: ${chosen.mesh}

# Where it listens, HOST:PORT. Its certificate names this host; 0.0.0.0 means every address of the machine.
listen: ${JSON.stringify(chosen.listen)}

# Names and addresses by which nodes reach it, beside where it listens; the first goes into tickets. Addresses can be
# added at any time. Host names must have been named at init (--host): the issuing certificate permits those only.
hosts: ${JSON.stringify(chosen.hosts)}

# Life of a node's certificate, ${span(CERTIFICATE_LIFE_MS_MIN)} to ${span(CERTIFICATE_LIFE_MS_MAX)}. Shorter: a stolen one is worth less; longer: nodes may be away longer.
certificate_life: ${span(chosen.certificateLifeMs)}

# Life of an administrator's certificate.
# administrator_life: ${span(POLICY_DEFAULTS.administratorLifeMs)}

# How long a revocation list is good for. It is renewed at half of that, and at each revocation.
# crl_life: ${span(POLICY_DEFAULTS.crlLifeMs)}

# Node ids that may enrol; a final * stands for any rest. Left out: all that have a ticket.
# allow: [gate-*, sensor-17]

# Nodes that hold a good certificate at one time.
# nodes_max: ${POLICY_DEFAULTS.nodesMax}

# Peers to which a node pushes each message while there is much news, 1 to 16; else to all it has.
# gossip_fanout: ${POLICY_DEFAULTS.gossipFanout}

# Roles of your own, beside sensor, relay and operator, and what each adds to what a plain ticket grants: publish:TYPE for
# message types of your own, with a final * for all below, as in {camera: ["publish:camera/*"]}. Counts from the next
# certificate of a node on.
# roles: {}

# What delegates and wallets of this mesh may do at most, up to 8 capabilities. To let devices speak in types of your own, add
# them here. Another value opens the next epoch of the key tree; what was issued before goes on until its end.
# delegate_scope: ${JSON.stringify(POLICY_DEFAULTS.delegateScope)}

# Requests that one address may send in a minute: for certificates, and in all.
# enroll_per_minute: 300
# requests_per_minute: 6000

# debug, info, warn, error or silent; the log goes to standard error.
# log_level: info
`;
}
