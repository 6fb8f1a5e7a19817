import { capabilitiesOfRoles, type OwnRoles, parseRole } from '../../identity/capability.ts';
import type { Grants } from '../../pki/mesh/mesh-extensions.ts';

/** What the roles of a ticket grant in this mesh. A fleet that is set up shows one ticket, so the last answer is kept. */
export class RoleGrants {
  readonly #ownRoles: OwnRoles | undefined;
  #last: { readonly text: string; readonly grants: Grants } | undefined;

  constructor(ownRoles: OwnRoles | undefined) {
    this.#ownRoles = ownRoles;
  }

  /** @throws ERR_INPUT for what is no role. */
  of(texts: readonly string[]): Grants {
    const text = texts.join(' ');
    if (this.#last?.text !== text) {
      const roles = texts.map(parseRole);
      this.#last = { text, grants: { roles, capabilities: capabilitiesOfRoles(roles, this.#ownRoles) } };
    }
    return this.#last.grants;
  }
}
