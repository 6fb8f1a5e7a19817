import { MeshError, quoted } from '../base/errors.ts';
import { DAY_MS, HOUR_MS } from '../base/time.ts';
import {
  ADMINISTRATOR_ROLE,
  AUDITOR_ROLE,
  CAPABILITIES_MAX,
  capabilitiesOfRoles,
  type OwnRoles,
  parseCapability,
  parseRole,
  ROLE_CAPABILITIES,
} from '../identity/capability.ts';
import { type Scope, scopeOf } from '../identity/delegate/scope.ts';

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
  /** What the mesh's own roles add to what nodes may do. */
  readonly ownRoles: OwnRoles;
  /** What delegates of this mesh may do at most, whoever vouches for them: so much a key of the tree that was found is worth. */
  readonly delegateScope: Scope;
}

/** Shortest life of a node's certificate that can be configured: a node enrols again before its certificate ends, and cannot do that all the time. */
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
  ownRoles: new Map(),
  delegateScope: scopeOf(['command:issue', 'publish:indicator', 'publish:sensor/*', 'relay']),
});

/** Roles that a mesh makes up. More than a certificate has room for help nobody. */
export const OWN_ROLES_MAX = 32;

/**
 * The mesh's own roles, from what the operator wrote.
 * @throws ERR_INPUT for what is no role or capability, a role that every mesh has already, and more capabilities in all than
 *   one certificate holds.
 */
export function parseOwnRoles(texts: Readonly<Record<string, readonly string[]>>): OwnRoles {
  const roles: OwnRoles = new Map(
    Object.entries(texts).map(([name, granted]) => {
      const role = parseRole(name);
      if (ROLE_CAPABILITIES.has(role) || role === ADMINISTRATOR_ROLE || role === AUDITOR_ROLE)
        throw new MeshError('ERR_INPUT', `role ${quoted(name)} is one of every mesh: take another word`);
      return [role, granted.map(parseCapability)];
    }),
  );
  const all = capabilitiesOfRoles([...ROLE_CAPABILITIES.keys(), ...roles.keys()], roles);
  if (all.length > CAPABILITIES_MAX)
    throw new MeshError(
      'ERR_INPUT',
      `roles grant ${all.length} capabilities in all, expected at most ${CAPABILITIES_MAX}`,
      'a final * covers many: publish:camera/*',
    );
  return roles;
}

/** True when the allow list, where there is one, has this id. */
export function isAllowed(policy: AuthorityPolicy, nodeId: string): boolean {
  const { allow } = policy;
  if (allow === undefined) return true;
  return allow.some((entry) => (entry.endsWith('*') ? nodeId.startsWith(entry.slice(0, -1)) : nodeId === entry));
}
