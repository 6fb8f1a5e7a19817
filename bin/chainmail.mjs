#!/usr/bin/env node
// Starts the program under a Node.js that is new enough, from whatever Node.js runs this file (20 or later).
//
// Where that is the pinned one already, the program runs in this process. Else the pinned binary, which npm
// installed beside this package, runs this same file as a child that shares the terminal, gets the signals and
// ends the way this process then ends. The child also ends when this process is killed outright: a pipe between
// them closes, see `endWithLauncher`.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import module, { createRequire } from 'node:module';
import { Socket } from 'node:net';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** Oldest release that refuses a TLS session of another server name (CVE-2026-48934); the pinned one is newer. */
const NODE_VERSION_MIN = [26, 3, 1];

/** Tells the child which descriptor is the pipe from its launcher. The child removes it before the program starts. */
const PIPE_ENV = 'CHAINMAIL_LAUNCHER_FD';

/** How long the program may take to end in order after its launcher was killed, before it is killed too. */
const ORPHAN_GRACE_MS = 2_000;

/** `node run` and the like: they start seldom, and would hold what was read of the cache for as long as they live. */
const RUNS_ON = ['run', 'serve'];

const thisFile = fileURLToPath(import.meta.url);
const packageRoot = dirname(dirname(thisFile));

if (isRecent(process.versions.node)) await runHere();
else runUnderPinned();

function isRecent(version) {
  const parts = version.split('.').map(Number);
  for (const [i, min] of NODE_VERSION_MIN.entries()) if (parts[i] !== min) return parts[i] > min;
  return true;
}

async function runHere() {
  endWithLauncher();
  if (!RUNS_ON.includes(process.argv[3])) cacheCode();
  const entry = programFile();
  if (!existsSync(entry)) fail(`${entry} is missing`, 'install the package again, or in a checkout run: npm ci');
  const { main } = await import(pathToFileURL(entry).href);
  await main(process.argv.slice(2));
}

/** Spares commands most of their start. */
function cacheCode() {
  // The user's own folder, not the shared temporary one: cached code is code, and others must not write it.
  const { XDG_CACHE_HOME: cacheHome, HOME: home } = process.env;
  const caches = cacheHome || (home && join(home, '.cache'));
  if (caches) module.enableCompileCache(join(caches, 'chainmail', 'compile-cache'));
}

/** Sources in a checkout; what `npm run build` made of them in an installed package, where types are not stripped. */
function programFile() {
  const source = join(packageRoot, 'src', 'cli', 'main.ts');
  const isInstalled = packageRoot.split(sep).includes('node_modules');
  return !isInstalled && existsSync(source) ? source : join(packageRoot, 'dist', 'cli', 'main.js');
}

function runUnderPinned() {
  const binary = pinnedBinary();
  if (binary === undefined) {
    fail(
      `needs Node.js ${NODE_VERSION_MIN.join('.')} or later; this is ${process.versions.node}, and no pinned one is installed`,
      process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch)
        ? 'run npm ci (or npm install) without --omit=optional, which brings it'
        : `npm brings it on Linux x64 and arm64 only; on ${process.platform} ${process.arch} install Node.js 26`,
    );
  }
  const child = spawn(binary, [thisFile, ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
    env: { ...process.env, [PIPE_ENV]: '3' },
  });
  // A terminal sends Ctrl-C to both processes, so the program may see it twice; from `kill` only this one has it.
  const passOn = (signal) => child.kill(signal);
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, passOn);
  child.on('error', (error) => {
    fail(`the pinned Node.js at ${binary} does not start: ${error.message}`, 'run npm ci again on this machine');
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    for (const name of signals) process.off(name, passOn);
    process.kill(process.pid, signal);
  });
}

/** Looks where Node.js itself would: from this file upwards, so a hoisted installation is found as well. */
function pinnedBinary() {
  try {
    const manifest = createRequire(import.meta.url).resolve(`node-${process.platform}-${process.arch}/package.json`);
    const binary = join(dirname(manifest), 'bin', 'node');
    return existsSync(binary) ? binary : undefined;
  } catch {
    return undefined;
  }
}

/** In the child: ends the program in order when the launcher is gone, however it went. */
function endWithLauncher() {
  const fd = process.env[PIPE_ENV];
  delete process.env[PIPE_ENV];
  if (fd === undefined) return;
  const pipe = new Socket({ fd: Number(fd), readable: true, writable: false });
  pipe.on('error', () => {}); // followed by 'close'
  pipe.on('close', () => {
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), ORPHAN_GRACE_MS).unref();
    process.kill(process.pid, 'SIGTERM');
  });
  pipe.resume();
  pipe.unref();
}

function fail(message, hint) {
  process.stderr.write(`chainmail: error: ${message}\nchainmail: hint: ${hint}\n`);
  process.exit(1);
}
