import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { MeshError, messageOf, quoted } from '../base/errors.ts';
import { CONFIG_FILE } from './config.ts';

/** Where everything of an authority lies. `root` can be carried away: it is needed only to make another issuing key. */
export interface AuthorityLayout {
  readonly directory: string;
  readonly config: string;
  readonly database: string;
  /** Sealed keys: the issuing key, and that of the server. */
  readonly keys: string;
  /** The sealed root key, apart, so that it can be taken offline. */
  readonly root: string;
  /** The trust anchor: enough for `curl --cacert`. */
  readonly rootCertificate: string;
  /** Intermediate and root. */
  readonly caCertificates: string;
  readonly admin: string;
  readonly adminCertificate: string;
  /** Plain PEM, mode 0600, so that any program can use it. */
  readonly adminKey: string;
}

export function authorityLayout(directory: string): AuthorityLayout {
  return {
    directory,
    config: join(directory, CONFIG_FILE),
    database: join(directory, 'authority.db'),
    keys: join(directory, 'keys'),
    root: join(directory, 'root'),
    rootCertificate: join(directory, 'root.pem'),
    caCertificates: join(directory, 'ca.pem'),
    admin: join(directory, 'admin'),
    adminCertificate: join(directory, 'admin', 'admin.pem'),
    adminKey: join(directory, 'admin', 'admin.key'),
  };
}

/** Where everything of a node lies. */
export interface NodeLayout {
  readonly directory: string;
  readonly config: string;
  /** Sealed keys. */
  readonly keys: string;
  /** Leaf and intermediate. */
  readonly certificate: string;
  /** Intermediate and root. */
  readonly caCertificates: string;
  /** What the authority said at enrolment; written last, so where it is, the node is enrolled. */
  readonly enrollment: string;
  /** The request, from before it was sent. */
  readonly request: string;
  readonly database: string;
}

export function nodeLayout(directory: string): NodeLayout {
  return {
    directory,
    config: join(directory, CONFIG_FILE),
    keys: join(directory, 'keys'),
    certificate: join(directory, 'node.pem'),
    caCertificates: join(directory, 'ca.pem'),
    enrollment: join(directory, 'enrollment.json'),
    request: join(directory, 'request.pem'),
    database: join(directory, 'node.db'),
  };
}

/** Makes the directory where it is missing, for its owner alone. @throws ERR_CONFIG where that cannot be. */
export function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    if (!statSync(directory).isDirectory()) throw new Error('it is no directory');
  } catch (error) {
    throw new MeshError(
      'ERR_CONFIG',
      `directory ${quoted(directory)} cannot be used: ${messageOf(error)}`,
      'choose another --dir',
    );
  }
}

export function isAuthorityDirectory(directory: string): boolean {
  return existsSync(authorityLayout(directory).database) && existsSync(join(directory, CONFIG_FILE));
}

/** @throws ERR_DIR_NOT_INITIALISED unless an authority was made there. */
export function requireAuthorityDirectory(directory: string): AuthorityLayout {
  if (!isAuthorityDirectory(directory))
    throw new MeshError(
      'ERR_DIR_NOT_INITIALISED',
      `there is no authority in ${quoted(directory)}`,
      `chainmail authority init --dir ${directory} --mesh NAME`,
    );
  return authorityLayout(directory);
}

/** @throws ERR_DIR_NOT_INITIALISED unless a node was enrolled there. */
export function requireNodeDirectory(directory: string): NodeLayout {
  const layout = nodeLayout(directory);
  if (!existsSync(layout.enrollment))
    throw new MeshError(
      'ERR_DIR_NOT_INITIALISED',
      `there is no enrolled node in ${quoted(directory)}`,
      `chainmail node enroll --dir ${directory} --ticket FILE`,
    );
  return layout;
}

/** A text file of ours. @throws ERR_STATE_CORRUPT where it cannot be read. */
export function readStateFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new MeshError('ERR_STATE_CORRUPT', `state file ${quoted(path)} cannot be read: ${messageOf(error)}`);
  }
}
