import { DAY_MS, HOUR_MS } from '../base/time.ts';

/** Who may enrol and what they get; set by the operator. */
export interface AuthorityPolicy {
  /** Life of a node's certificate, counted from its issue. */
  readonly certificateLifeMs: number;
  /** Life of an administrator's certificate. */
  readonly administratorLifeMs: number;
  /** How long a revocation list is good for; it is renewed at half of that, and at each revocation. */
  readonly crlLifeMs: number;
  /** Node ids that may enrol; a final `*` stands for any rest. `undefined`: all. */
  readonly allow: readonly string[] | undefined;
  /** Nodes that hold a good certificate at one time. */
  readonly nodesMax: number;
  /** How many peers a node pushes news to in a round. */
  readonly gossipFanout: number;
}

/** Shortest life of a node's certificate that can be configured: nodes come for the next one long before. */
export const CERTIFICATE_LIFE_MS_MIN = 60_000;
/** Longest life of a node's certificate: a week, because revocation may be slow (T5). */
export const CERTIFICATE_LIFE_MS_MAX = 7 * DAY_MS;

export const POLICY_DEFAULTS: AuthorityPolicy = Object.freeze({
  certificateLifeMs: 24 * HOUR_MS,
  administratorLifeMs: 365 * DAY_MS,
  crlLifeMs: 24 * HOUR_MS,
  allow: undefined,
  nodesMax: 10_000,
  gossipFanout: 3,
});

/** True when the allow list, where there is one, has this id. */
export function isAllowed(policy: AuthorityPolicy, nodeId: string): boolean {
  const { allow } = policy;
  if (allow === undefined) return true;
  return allow.some((entry) => (entry.endsWith('*') ? nodeId.startsWith(entry.slice(0, -1)) : nodeId === entry));
}
