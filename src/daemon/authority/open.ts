import { Authority } from '../../authority/authority.ts';
import type { KeyTree } from '../../authority/delegates/key-tree.ts';
import type { Secret } from '../../crypto/secret.ts';
import { type DirectoryLock, lockDirectory } from '../../host/files/directory-lock.ts';
import { systemClock } from '../../host/machine/system-clock.ts';
import { systemRandom } from '../../host/machine/system-random.ts';
import type { AuthorityStore } from '../../ports/authority-store.ts';
import type { KeyStore } from '../../ports/key-store.ts';
import { parseMeshName } from '../../identity/mesh-name.ts';
import { type AuthorityConfig, loadAuthorityConfig, policyOf } from './config.ts';
import { type AuthorityLayout, requireAuthorityDirectory } from '../directory.ts';
import { keyTreeOf, openKeys } from '../keys.ts';
import { loadIssuer } from './issuer-files.ts';
import { openAuthorityStore } from './store.ts';
import type { Issuer } from '../../authority/issuer.ts';

/** An authority that this process alone has open. */
export interface OpenAuthority {
  readonly authority: Authority;
  readonly config: AuthorityConfig;
  readonly layout: AuthorityLayout;
  readonly keys: KeyStore;
  readonly tree: KeyTree;
  readonly store: AuthorityStore;
  close(): Promise<void>;
}

export interface OpenAuthorityOptions {
  readonly directory: string;
  readonly passphrase: Secret;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly flags?: Readonly<Record<string, unknown>>;
}

/**
 * Opens the authority of a directory for this process.
 * @throws ERR_DIR_NOT_INITIALISED, ERR_DIR_LOCKED, ERR_PASSPHRASE_WRONG, ERR_CONFIG, ERR_STATE_...
 */
export async function openAuthority(options: OpenAuthorityOptions): Promise<OpenAuthority> {
  const layout = requireAuthorityDirectory(options.directory);
  const lock: DirectoryLock = lockDirectory(layout.directory);
  let store: AuthorityStore | undefined;
  try {
    const { directory, environment, flags = {} } = options;
    const config = loadAuthorityConfig({ directory, environment, flags });
    const keys = await openKeys(layout.keys, options.passphrase);
    const issuer = await loadIssuer(layout, parseMeshName(config.mesh), keys);
    const tree = keyTreeOf(keys);
    store = await openAuthorityStore(layout, 'refuse');
    const opened = store;
    return {
      authority: await authorityOf(issuer, store, config, tree),
      tree,
      config,
      layout,
      keys,
      store,
      close: async () => {
        await opened.close();
        lock.release();
      },
    };
  } catch (error) {
    await store?.close();
    lock.release();
    throw error;
  }
}

/** An authority on the clock of this machine. @param tree where it is to sign delegates. */
export function authorityOf(
  issuer: Issuer,
  store: AuthorityStore,
  config: AuthorityConfig,
  tree?: KeyTree,
): Promise<Authority> {
  return Authority.open({ issuer, store, policy: policyOf(config), clock: systemClock, random: systemRandom, tree });
}
