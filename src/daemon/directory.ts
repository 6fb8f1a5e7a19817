import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isMeshError, MeshError, messageOf, quotedPath } from '../base/errors.ts';
import { makeFolder } from '../host/files/folder.ts';
import { CONFIG_FILE } from './config.ts';
import { holdsKey } from './keys.ts';

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

/** Paths alone: nothing need be there. */
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
    makeFolder(directory);
  } catch (error) {
    throw new MeshError(
      'ERR_CONFIG',
      `directory ${quotedPath(directory)} cannot be used: ${messageOf(error)}`,
      'choose another --dir',
    );
  }
}

/** An authority stays one when a file is lost: what is missing is told, and nothing is made anew in its place. */
export function isAuthorityDirectory(directory: string): boolean {
  const { config, database, rootCertificate, keys } = authorityLayout(directory);
  if (!existsSync(config)) return false;
  return existsSync(database) || existsSync(rootCertificate) || holdsKey(keys, 'issuer');
}

/** Whether a node was enrolled there. */
export function isNodeDirectory(directory: string): boolean {
  return existsSync(nodeLayout(directory).enrollment);
}

/** @throws ERR_DIR_NOT_INITIALISED unless an authority was made there; ERR_CONFIG where we may not look. */
export function requireAuthorityDirectory(directory: string): AuthorityLayout {
  if (isAuthorityDirectory(directory)) return authorityLayout(directory);
  requireReadable(directory);
  if (isNodeDirectory(directory)) throw ofAnother(directory, 'a node', 'an authority');
  throw notInitialised(directory, 'authority', `chainmail authority init --dir ${directory} --mesh NAME`);
}

/** @throws ERR_DIR_NOT_INITIALISED unless a node was enrolled there; ERR_CONFIG where we may not look. */
export function requireNodeDirectory(directory: string): NodeLayout {
  if (isNodeDirectory(directory)) return nodeLayout(directory);
  requireReadable(directory);
  if (isAuthorityDirectory(directory)) throw ofAnother(directory, 'an authority', 'a node');
  throw notInitialised(directory, 'enrolled node', `chainmail node enroll --dir ${directory} --ticket FILE`);
}

/** A directory is an authority's or a node's: both keep `ca.pem` and `chainmail.yaml` there. @throws ERR_DIR_EXISTS */
export function requireNoAuthority(directory: string): void {
  if (isAuthorityDirectory(directory)) throw directoryTaken(directory, 'an authority');
}

/** See {@link requireNoAuthority}. @throws ERR_DIR_EXISTS */
export function requireNoNode(directory: string): void {
  if (isNodeDirectory(directory)) throw directoryTaken(directory, 'a node');
}

function directoryTaken(directory: string, by: string): MeshError {
  return new MeshError('ERR_DIR_EXISTS', `${quotedPath(directory)} is the directory of ${by}`, 'choose another --dir');
}

/** A directory that is not ours to look into seems empty, and so does what is none. @throws ERR_CONFIG */
function requireReadable(directory: string): void {
  try {
    const found = statSync(directory, { throwIfNoEntry: false });
    if (found === undefined) return; // that is said by the caller
    if (!found.isDirectory())
      throw new MeshError('ERR_CONFIG', `${quotedPath(directory)} is no directory`, 'check --dir');
    accessSync(directory, constants.R_OK | constants.X_OK);
  } catch (error) {
    if (isMeshError(error)) throw error;
    throw new MeshError(
      'ERR_CONFIG',
      `directory ${quotedPath(directory)} may not be read by this user`,
      'run the command as the user who owns the directory',
    );
  }
}

function ofAnother(directory: string, found: string, expected: string): MeshError {
  return new MeshError(
    'ERR_DIR_NOT_INITIALISED',
    `${quotedPath(directory)} is the directory of ${found}, expected that of ${expected}`,
    'check --dir',
  );
}

/** That the directory itself is missing is worth saying. @param remedy the command that makes what is missing. */
function notInitialised(directory: string, missing: string, remedy: string): MeshError {
  return new MeshError(
    'ERR_DIR_NOT_INITIALISED',
    existsSync(directory)
      ? `there is no ${missing} in ${quotedPath(directory)}`
      : `directory ${quotedPath(directory)} does not exist`,
    `check --dir, or: ${remedy}`,
  );
}

/** A text file of ours. @throws ERR_STATE_CORRUPT where it cannot be read. */
export function readStateFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new MeshError(
      'ERR_STATE_CORRUPT',
      `state file ${quotedPath(path)} ${isMissing ? 'is missing' : `cannot be read: ${messageOf(error)}`}`,
      `restore ${path} from a backup`,
    );
  }
}
