// A client of evd-server, from PROTOCOL.md alone: client.mjs [--frame] [--token T] HOST:PORT|/PATH EVENT[=JSON]...
import net from 'node:net';
import { pathToFileURL } from 'node:url';
const HEADER = 20; // bytes of the header of a frame

export class Client {
  #frame; #socket; #sent = 0; #waiting = []; #input = Buffer.alloc(0);
  constructor(address, { frame = false } = {}) {
    const colon = address.lastIndexOf(':');
    this.#frame = frame;
    this.#socket = net.connect(address.startsWith('/') ? { path: address }
      : { host: address.slice(0, colon), port: +address.slice(colon + 1) });
    this.#socket.on('data', (bytes) => this.#read(bytes));
    this.#socket.on('error', () => {}); // 'close' follows
    this.#socket.on('close', () => this.#waiting.splice(0).forEach((call) => call.reject(new Error('the server closed the connection'))));
  }

  call(event, data) { // a promise of the data; calls may be made without waiting for it
    const id = ++this.#sent, name = Buffer.from(event), body = Buffer.from(data === undefined ? '' : JSON.stringify(data));
    const head = Buffer.alloc(HEADER);
    head.set([0xed, 1, 1, 0]); // a call that has an id, its data JSON
    head.writeUInt32BE(name.length + body.length, 4);
    head.writeBigUInt64BE(BigInt(id), 8);
    head.writeUInt16BE(name.length, 16);
    this.#socket.write(this.#frame ? Buffer.concat([head, name, body]) : `${JSON.stringify({ id, event, data })}\n`);
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  close() { this.#socket.end(); }

  #read(bytes) {
    let at = 0, end;
    const input = this.#input = Buffer.concat([this.#input, bytes]);
    const frameEnd = () => (input.length - at < HEADER ? 0 : at + HEADER + input.readUInt32BE(at + 4));
    while ((end = this.#frame ? frameEnd() : input.indexOf('\n', at) + 1) > 0 && end <= input.length) {
      this.#answer(input.subarray(at, end));
      at = end;
    }
    this.#input = input.subarray(at);
  }

  #answer(bytes) { // answers come in the order of the calls
    const text = (from, to) => bytes.toString('utf8', HEADER + from, to), code = this.#frame ? bytes.readUInt16BE(16) : 0;
    const { error, data } = !this.#frame ? JSON.parse(bytes)
      : bytes[1] === 3 ? { error: { code: text(0, HEADER + code), message: text(code) } } : { data: JSON.parse(text(0) || 'null') };
    const { resolve, reject } = this.#waiting.shift();
    error ? reject(Object.assign(new Error(`${error.code}: ${error.message}`), { code: error.code })) : resolve(data);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const args = process.argv.slice(2), frame = args[0] === '--frame' && !!args.shift();
  const token = args[0] === '--token' && args.splice(0, 2)[1];
  const client = new Client(args[0], { frame }), calls = args.slice(1).map((arg) => arg.split(/=(.*)/s));
  const print = (answer) => console.log(answer.status === 'fulfilled' ? JSON.stringify(answer.value) : `error ${answer.reason.message}`);
  const all = [...(token ? [['auth', JSON.stringify({ token })]] : []), ...calls].map(([event, data]) => client.call(event, data && JSON.parse(data)));
  (await Promise.allSettled(all)).slice(token ? 1 : 0).forEach(print);
  client.close();
}
