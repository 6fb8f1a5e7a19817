import type * as http from 'node:http';

/**
 * `node:http` as CommonJS has it. To `import` a value of it names every member, and with them a browser's WebSocket and
 * the whole of fetch: 3 MiB in each process.
 */
export const { IncomingMessage, createServer } = process.getBuiltinModule('node:http');

export type IncomingMessage = http.IncomingMessage;
