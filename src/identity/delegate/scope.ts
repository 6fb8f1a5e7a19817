import { MeshError, quoted } from '../../base/errors.ts';
import { type Capability, grants, parseCapability, parseRole, type Role, ROLE_CAPABILITIES } from '../capability.ts';

/**
 * What a delegate may do: capabilities as certificates have them, `command:issue/NAME` for one command, and `role:NAME`
 * for what a role adds. In code point order, each once.
 */
export type Scope = readonly Capability[];

/** Entries of one scope: they cost bytes in every first message of a stream. */
export const SCOPE_ENTRIES_MAX = 8;

const ROLE_PREFIX = 'role:';
const COMMAND = 'command:issue';

/** @throws ERR_DELEGATE_SCOPE for none or too many entries, one that is malformed, and any other order. */
export function parseScope(texts: readonly string[]): Scope {
  if (texts.length < 1 || texts.length > SCOPE_ENTRIES_MAX)
    throw new MeshError('ERR_DELEGATE_SCOPE', `scope of ${texts.length} entries, expected 1 to ${SCOPE_ENTRIES_MAX}`);
  for (const [at, text] of texts.entries())
    if (at > 0 && text <= (texts[at - 1] as string))
      throw new MeshError('ERR_DELEGATE_SCOPE', 'entries of a scope are not in code point order, each once');
  return texts.map(parseEntry);
}

/** A scope as people write it, in any order. @throws ERR_DELEGATE_SCOPE */
export function scopeOf(texts: readonly string[]): Scope {
  return parseScope([...new Set(texts)].sort());
}

/** Whether the scope permits what needs this capability. @param topic of a command: its name */
export function permits(scope: Scope, needed: string, topic?: string): boolean {
  const capabilities = capabilitiesOf(scope);
  return grants(capabilities, needed) || (needed === COMMAND && grants(capabilities, `${COMMAND}/${topic ?? ''}`));
}

/**
 * Whether everything that `inner` permits is permitted by `outer`: a scope can only narrow. A role that nobody here
 * knows is within nothing, for nobody can say what it permits.
 */
export function isScopeWithin(inner: Scope, outer: readonly Capability[]): boolean {
  if (rolesOf(inner).some((role) => !ROLE_CAPABILITIES.has(role))) return false;
  const outerCapabilities = capabilitiesOf(outer);
  return capabilitiesOf(inner).every(
    (capability) =>
      grants(outerCapabilities, capability) ||
      (capability.startsWith(`${COMMAND}/`) && outerCapabilities.includes(COMMAND as Capability)),
  );
}

/** The roles that a scope names. */
export function rolesOf(scope: Scope): readonly Role[] {
  return scope
    .filter((entry) => entry.startsWith(ROLE_PREFIX))
    .map((entry) => parseRole(entry.slice(ROLE_PREFIX.length)));
}

function capabilitiesOf(scope: readonly Capability[]): readonly Capability[] {
  if (!scope.some((entry) => entry.startsWith(ROLE_PREFIX))) return scope;
  return scope.flatMap((entry) =>
    entry.startsWith(ROLE_PREFIX) ? (ROLE_CAPABILITIES.get(parseRole(entry.slice(ROLE_PREFIX.length))) ?? []) : entry,
  );
}

function parseEntry(text: string): Capability {
  try {
    const entry = parseCapability(text);
    if (text.startsWith(ROLE_PREFIX)) parseRole(text.slice(ROLE_PREFIX.length));
    return entry;
  } catch {
    throw new MeshError(
      'ERR_DELEGATE_SCOPE',
      `entry ${quoted(text)} of a scope is no capability`,
      'write publish:sensor/temperature, command:issue/stop or role:sensor',
    );
  }
}
