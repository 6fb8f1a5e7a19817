import { chmodSync } from 'node:fs';
import { isIP } from 'node:net';
import { Authority } from '../../authority/authority.ts';
import type { KeyTree } from '../../authority/delegates/key-tree.ts';
import { chainPem } from '../../authority/issuer.ts';
import { POLICY_DEFAULTS } from '../../authority/policy.ts';
import { MeshError, quoted } from '../../base/errors.ts';
import { encodePem } from '../../codec/pem.ts';
import type { Secret } from '../../crypto/secret.ts';
import { generatePkcs8, softwareSigner } from '../../crypto/signer.ts';
import { MODE_PUBLIC, MODE_SECRET, writeFileAtomic } from '../../host/files/atomic-file.ts';
import { makeFolder } from '../../host/files/folder.ts';
import { type DirectoryLock, lockDirectory } from '../../host/files/directory-lock.ts';
import { systemClock } from '../../host/machine/system-clock.ts';
import { systemRandom } from '../../host/machine/system-random.ts';
import type { AuthorityStore } from '../../ports/authority-store.ts';
import type { KeyStore } from '../../ports/key-store.ts';
import { parseMeshName } from '../../identity/mesh-name.ts';
import { splitAddress } from '../../message/address.ts';
import { buildCsr } from '../../pki/x509/csr.ts';
import { isDnsName } from '../../pki/x509/dns-name.ts';
import {
  AUTHORITY_LISTEN_DEFAULT,
  type AuthorityConfig,
  loadAuthorityConfig,
  policyOf,
  renderAuthorityConfig,
} from './config.ts';
import { writeConfig } from '../config.ts';
import {
  type AuthorityLayout,
  authorityLayout,
  isAuthorityDirectory,
  makeDirectory,
  requireAuthorityDirectory,
  requireNoNode,
} from '../directory.ts';
import { formatDuration } from '../../base/duration.ts';
import { keyTreeOf, openKeys } from '../keys.ts';
import { loadIssuer, makeIssuer } from './issuer-files.ts';
import { openAuthorityStore } from './store.ts';

/** Name of the administrator whose credential `init` writes. */
const FIRST_ADMINISTRATOR = 'admin';

export interface InitAuthorityOptions {
  readonly directory: string;
  readonly mesh: string;
  readonly passphrase: Secret;
  readonly certificateLifeMs?: number | undefined;
  readonly listen?: string | undefined;
  /** Host names and addresses, beside where it listens. Host names can be named only now. */
  readonly hosts?: readonly string[] | undefined;
}

/**
 * Makes a new authority: root, issuing key, store, the first administrator's credential, configuration. The
 * configuration is written last, so what was killed on the way is simply made again, with the keys that are there.
 *
 * @throws ERR_DIR_EXISTS where there is an authority already, or a node; ERR_MESH_NAME, ERR_CONFIG.
 */
export async function initAuthority(options: InitAuthorityOptions): Promise<AuthorityLayout> {
  const mesh = parseMeshName(options.mesh);
  const layout = authorityLayout(options.directory);
  const {
    listen = AUTHORITY_LISTEN_DEFAULT,
    hosts = [],
    certificateLifeMs = POLICY_DEFAULTS.certificateLifeMs,
  } = options;
  makeDirectory(layout.directory);
  const lock = lockDirectory(layout.directory);
  try {
    if (isAuthorityDirectory(layout.directory))
      throw new MeshError(
        'ERR_DIR_EXISTS',
        `there is an authority in ${quoted(layout.directory)} already`,
        'use it, or choose another --dir',
      );
    requireNoNode(layout.directory);
    const config = loadAuthorityConfig({
      directory: layout.directory,
      environment: {},
      flags: { mesh, listen, hosts, certificate_life: formatDuration(certificateLifeMs) },
    });
    const hostNames = hostNamesAmong([...hosts, splitAddress(config.listen, 0).host]);
    const issuer = await makeIssuer(layout, mesh, hostNames, options.passphrase);
    const store = await openAuthorityStore(layout, 'create');
    try {
      const authority = await Authority.open({
        issuer,
        store,
        policy: policyOf(config),
        clock: systemClock,
        random: systemRandom,
      });
      await writeAdministrator(authority, layout);
    } finally {
      await store.close();
    }
    writeConfig(layout.directory, renderAuthorityConfig({ mesh, listen, hosts, certificateLifeMs }));
    return layout;
  } finally {
    lock.release();
  }
}

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
    const authority = await Authority.open({
      issuer,
      store,
      policy: policyOf(config),
      clock: systemClock,
      random: systemRandom,
      tree,
    });
    return {
      authority,
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

/**
 * Another administrator's credential, made where the command runs: the key never leaves it.
 * @returns the request to be signed, and the key as plain PEM.
 */
export async function makeAdministratorKey(): Promise<{ readonly csr: string; readonly keyPem: string }> {
  const pkcs8 = generatePkcs8('P-256');
  try {
    const csr = encodePem('CERTIFICATE REQUEST', await buildCsr(softwareSigner(pkcs8)));
    return { csr, keyPem: encodePem('PRIVATE KEY', pkcs8) };
  } finally {
    pkcs8.fill(0);
  }
}

async function writeAdministrator(authority: Authority, layout: AuthorityLayout): Promise<void> {
  const { csr, keyPem } = await makeAdministratorKey();
  const { der } = await authority.issueAdministrator(FIRST_ADMINISTRATOR, csr, 'local');
  makeFolder(layout.admin);
  chmodSync(layout.admin, 0o700);
  writeFileAtomic(layout.adminKey, keyPem, MODE_SECRET);
  writeFileAtomic(layout.adminCertificate, chainPem(authority.issuer, der), MODE_PUBLIC);
}

/** The host names among these; addresses need no permission in the issuing certificate. @throws ERR_CONFIG */
function hostNamesAmong(hosts: readonly string[]): readonly string[] {
  const names = hosts.filter((host) => isIP(host) === 0);
  const bad = names.find((name) => !isDnsName(name));
  if (bad !== undefined) throw new MeshError('ERR_CONFIG', `host ${quoted(bad)} is neither a DNS name nor an address`);
  return names;
}
