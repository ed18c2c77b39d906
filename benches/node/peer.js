// Nodemailer with its pool: peer.js --server HOST:PORT --messages N --size BYTES [--connections N] [--ca FILE]
const fs = require('fs');
const nodemailer = require('nodemailer');

const given = { messages: '1000', size: '4096', connections: '1', to: 'u001@example.test' };
for (let i = 2; i < process.argv.length; i += 2) given[process.argv[i].slice(2)] = process.argv[i + 1];
const [host, port] = given.server.split(':');
const messages = Number(given.messages);
const head = 'From: <sender@example.test>\r\nTo: <u001@example.test>\r\nSubject: A message to measure with\r\n\r\n';
const line = 'Pack my box with five dozen liquor jugs, and weigh it on the way..\r\n';
let body = head + line.repeat(Math.floor((given.size - head.length) / line.length));
body = Buffer.from(body + '.'.repeat(given.size - body.length - 2) + '\r\n');

const transport = nodemailer.createTransport({
    pool: true, maxConnections: Number(given.connections), maxMessages: Infinity,
    host, port: Number(port), name: '[127.0.0.1]',
    secure: 'ca' in given, ignoreTLS: !('ca' in given), tls: 'ca' in given ? { ca: fs.readFileSync(given.ca) } : {},
});
const envelope = { from: 'sender@example.test', to: [given.to] };
const start = process.hrtime.bigint();
let left = messages, sent = 0, failed = null;
// Twice as many as there are connections: the pool always has the next one.
const next = async () => {
    while (left > 0) {
        left -= 1;
        await transport.sendMail({ envelope, raw: body });
        sent += 1;
    }
};
Promise.all(Array.from({ length: 2 * Number(given.connections) }, next))
    .catch((error) => { failed = error; })
    .then(() => {
        transport.close();
        if (failed || sent !== messages) { console.error(failed, sent); process.exit(1); }
        const seconds = Number(process.hrtime.bigint() - start) / 1e9;
        console.log(JSON.stringify({ messages: sent, bytes: sent * body.length, seconds }));
    });
