import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * Why a test cannot run here, for its `skip` option; `false` where it can. The runner lists the reasons at its end.
 *
 * `it('openssl verifies it', { skip: missing('openssl') }, …)`
 */
export function missing(...programs: readonly string[]): string | false {
  const absent = programs.filter((program) => findProgram(program) === undefined);
  return absent.length > 0 && `${absent.join(', ')} not installed`;
}

/** Full path of a program on the PATH, the first that `accepts` likes. */
export function findProgram(name: string, accepts: (path: string) => boolean = () => true): string | undefined {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((path) => isExecutable(path) && accepts(path));
}

/** A Node.js on the PATH that is too old for the program, as many machines have one: npm runs under it. */
export function findOldNode(): string | undefined {
  return findProgram('node', (path) => {
    const { stdout } = spawnSync(path, ['--version'], { encoding: 'utf8' });
    return Number(/^v(\d+)\./.exec(stdout)?.[1] ?? Infinity) < 26;
  });
}

/** A Python that can import what a test needs, or the reason for skipping it. */
export type Python =
  | { readonly path: string; readonly skip: false }
  | { readonly path: undefined; readonly skip: string };

/**
 * The Python named by `CHAINMAIL_PYTHON`, which `.ci/run` prepares, or else `python3`.
 *
 * `const python = pythonWith('cbor2', 'cryptography');` … `{ skip: python.skip }`
 */
export function pythonWith(...modules: readonly string[]): Python {
  const named = process.env['CHAINMAIL_PYTHON'];
  const path = named ?? findProgram('python3');
  if (path === undefined) return { path, skip: 'python3 not installed' };
  const { status } = spawnSync(path, ['-c', modules.map((module) => `import ${module}`).join('\n')]);
  if (status === 0) return { path, skip: false };
  return { path: undefined, skip: `${named ?? 'python3'} cannot import ${modules.join(', ')}` };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
