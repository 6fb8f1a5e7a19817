import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from './mongodb-server.ts';

/** Starts HAProxy before some servers, each request to the next one. @returns its address, and how to end it. */
export async function startHaproxy(
  folder: string,
  ports: readonly number[],
): Promise<{ readonly url: string; readonly end: () => void }> {
  const port = await freePort();
  const file = join(folder, 'haproxy.cfg');
  const servers = ports.map((to, i) => `  server replica${i} 127.0.0.1:${to} check inter 500ms fall 1 rise 1`);
  writeFileSync(
    file,
    `global
  maxconn 256
defaults
  mode http
  timeout connect 1s
  timeout client 60s
  timeout server 60s
  option redispatch
frontend signer
  bind 127.0.0.1:${port}
  default_backend replicas
backend replicas
  balance roundrobin
  option httpchk GET /
${servers.join('\n')}
`,
  );
  const child: ChildProcess = spawn('haproxy', ['-db', '-f', file], { stdio: 'ignore' });
  for (let tries = 0; !(await listens(port)); tries++) {
    if (tries > 200) throw new Error('HAProxy does not listen');
    await pause(50);
  }
  return { url: `http://127.0.0.1:${port}`, end: () => void child.kill('SIGKILL') };
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
