import type { Brand } from '../base/brand.ts';
import { MeshError, quoted } from '../base/errors.ts';

/**
 * What a certificate permits its holder to do: words joined by `:`, the last of which may have a topic behind `/`,
 * where `*` stands for every topic. `relay`, `command:issue`, `publish:indicator`, `publish:sensor/*`.
 */
export type Capability = Brand<string, 'Capability'>;

/** A name for what a node is for; travels in its certificate, and messages may be addressed to it. */
export type Role = Brand<string, 'Role'>;

/** Characters of a capability: the longest message type (64) behind `publish:`. */
export const CAPABILITY_CHARS_MAX = 80;
/** Capabilities in one certificate: they cost handshake bytes, and no plain or combined role needs more than ten. */
export const CAPABILITIES_MAX = 32;
/** Roles in one certificate. */
export const ROLES_MAX = 16;

const CAPABILITY =
  /^[a-z][a-z0-9-]{0,30}(?::[a-z][a-z0-9-]{0,30})*(?:\/(?:\*|[a-z0-9][a-z0-9._-]*(?:\/[a-z0-9][a-z0-9._-]*)*(?:\/\*)?))?$/;
const ROLE = /^[a-z][a-z0-9-]{0,30}$/;

/** @throws ERR_INPUT */
export function parseCapability(text: string): Capability {
  if (text.length > CAPABILITY_CHARS_MAX || !CAPABILITY.test(text))
    throw new MeshError('ERR_INPUT', `capability ${quoted(text)} is not of the form word:word or word:word/topic`);
  return text as Capability;
}

/** @throws ERR_INPUT */
export function parseRole(text: string): Role {
  if (!ROLE.test(text))
    throw new MeshError('ERR_INPUT', `role ${quoted(text)} is not a lower-case word of at most 31 characters`);
  return text as Role;
}

const capabilities = (...texts: readonly string[]): readonly Capability[] => Object.freeze(texts.map(parseCapability));

/** What a plain ticket grants. */
export const PLAIN_CAPABILITIES = capabilities('publish:indicator', 'publish:sensor/*', 'relay');

/** The role of those who may revoke, list and change policy. Only certificates of the administrator profile carry it. */
export const ADMINISTRATOR_ROLE = parseRole('administrator');
/** An administrator who may see everything and change nothing. */
export const AUDITOR_ROLE = parseRole('auditor');

/**
 * What each role adds at issue. A certificate carries the result: its capability list alone decides what its holder
 * may do, so that a shorter list needs no rule about roles.
 */
export const ROLE_CAPABILITIES: ReadonlyMap<Role, readonly Capability[]> = new Map([
  [parseRole('sensor'), capabilities('publish:sensor/*', 'relay')],
  [parseRole('relay'), capabilities('relay')],
  [parseRole('operator'), capabilities('publish:indicator', 'publish:sensor/*', 'command:issue', 'relay')],
]);

/** What a mesh's own roles add, beside those that every mesh has. */
export type OwnRoles = ReadonlyMap<Role, readonly Capability[]>;

/** Plain capabilities and what these roles add, each once, in code point order. Unknown roles add nothing. */
export function capabilitiesOfRoles(roles: readonly Role[], ownRoles?: OwnRoles): readonly Capability[] {
  const all = new Set(PLAIN_CAPABILITIES);
  for (const role of roles)
    for (const capability of ROLE_CAPABILITIES.get(role) ?? ownRoles?.get(role) ?? []) all.add(capability);
  return [...all].sort();
}

/** True when one of the capabilities is `needed` or covers it with a trailing `/*`. */
export function grants(held: readonly Capability[], needed: string): boolean {
  for (const capability of held) {
    if (capability === needed) return true;
    if (capability.endsWith('/*') && needed.length >= capability.length && needed.startsWith(capability.slice(0, -1)))
      return true;
  }
  return false;
}
