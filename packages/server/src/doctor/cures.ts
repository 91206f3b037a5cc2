import type { Diagnosis } from './check.ts'
import type { FrontName, Way } from './way.ts'

/** What somebody on the way can do to a stream. */
export type Trouble = 'buffering' | 'delay' | 'compression' | 'idle' | 'leaving' | 'http1'

type Cures = Readonly<Partial<Record<FrontName, string>>>

/** What helps, by who does it; those who do it most come first. */
const CURES: Readonly<Record<Trouble, Cures>> = {
  buffering: {
    nginx: `location /v1/ {
  proxy_pass http://127.0.0.1:4000;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_buffering off;
  gzip off;
}
# and without: proxy_ignore_headers X-Accel-Buffering`,
    Cloudflare: `Rules > Cache Rules: URI path starts with /v1/ > Bypass cache
Rules > Compression Rules: URI path starts with /v1/ > Disable compression
and pass on "Cache-Control: no-store, no-transform" as the hub sends it`,
    'AWS ALB': 'A target of type lambda answers in one piece: use targets of type ip or instance.',
    'Next.js': `// next.config.js
module.exports = { compress: false }`,
    Express: `app.use(compression({
  filter: (req, res) =>
    !String(res.getHeader('Content-Type')).startsWith('text/event-stream') && compression.filter(req, res),
}))
// and do not change the Cache-Control of streams: no-store, no-transform`,
    HAProxy: '# without: http-response wait-for-body, filter compression for text/event-stream',
    Traefik: 'Take the middleware "buffering" off this router.',
    Caddy: `reverse_proxy 127.0.0.1:4000 {
  flush_interval -1
}`,
  },
  delay: {
    HAProxy: `defaults
  option http-no-delay`,
    nginx: 'tcp_nodelay on;',
    Express: "server.on('connection', (socket) => socket.setNoDelay(true))",
  },
  compression: {
    nginx: `location /v1/ {
  proxy_buffering off;
  gzip off;   # or gzip_types without text/event-stream
}`,
    Express: `app.use(compression({
  filter: (req, res) =>
    !String(res.getHeader('Content-Type')).startsWith('text/event-stream') && compression.filter(req, res),
}))
// and do not change the Cache-Control of streams: no-store, no-transform`,
    'Next.js': `// next.config.js
module.exports = { compress: false }`,
    Cloudflare: `Rules > Compression Rules: URI path starts with /v1/ > Disable compression
and pass on "Cache-Control: no-store, no-transform" as the hub sends it`,
    Traefik: `middlewares:
  compress:
    compress:
      excludedContentTypes: [text/event-stream]`,
    HAProxy: '# compression type without text/event-stream',
    Caddy: `@compressed not path /v1/events*
encode @compressed gzip`,
  },
  idle: {
    HAProxy: `defaults
  timeout client 60s
  timeout server 60s`,
    nginx: `location /v1/ {
  proxy_read_timeout 60s;
  proxy_send_timeout 60s;
}`,
    'AWS ALB': `aws elbv2 modify-load-balancer-attributes --load-balancer-arn ARN \\
  --attributes Key=idle_timeout.timeout_seconds,Value=60`,
    Cloudflare: 'It waits 100 s for a byte and that cannot be changed: the hub has to say something sooner.',
    Traefik: `entryPoints:
  websecure:
    transport:
      respondingTimeouts: { readTimeout: 0s, writeTimeout: 0s, idleTimeout: 180s }`,
    Caddy: `reverse_proxy 127.0.0.1:4000 {
  stream_timeout 0
  transport http {
    read_timeout 0
  }
}`,
    Express: 'server.setTimeout(0)   // of node:http; do not set it for streams',
    'Next.js': 'export const maxDuration = 300   // in the route; streams come back by themselves after it',
  },
  leaving: {
    HAProxy: `defaults
  option abortonclose`,
    nginx: 'proxy_ignore_client_abort off;',
  },
  http1: {
    nginx: 'listen 443 ssl http2;   # from 1.25.1 on: http2 on;',
    HAProxy: 'bind :443 ssl crt /etc/haproxy/site.pem alpn h2,http/1.1',
    Caddy: 'protocols h1 h2 h3   # in the global servers block; it is the default',
    Traefik: 'It speaks HTTP/2 on every TLS entry point: look at tls.options.alpnProtocols.',
    'AWS ALB': `aws elbv2 modify-load-balancer-attributes --load-balancer-arn ARN \\
  --attributes Key=routing.http2.enabled,Value=true`,
    Cloudflare: 'Speed > Settings > HTTP/2: on',
  },
}

/** Who causes a trouble, and what helps. When nobody on the way is known for it, what helps with each who is. */
export function blame(
  trouble: Trouble,
  way: Way,
  isInnocent: (name: FrontName) => boolean = () => false,
): Pick<Diagnosis, 'culprit' | 'because' | 'fix'> {
  const cures = CURES[trouble]
  const suspects = Object.keys(cures) as FrontName[]
  const guilty = suspects
    .filter((name) => !isInnocent(name))
    .map((name) => way.find((front) => front.name === name))
    .find((front) => front !== undefined)
  if (guilty) return { culprit: guilty.name, because: guilty.sign, fix: cures[guilty.name]! }
  return {
    culprit: 'something on the way',
    because: 'nobody on the way says a name',
    fix: suspects.map((name) => `${name}:\n${indented(cures[name]!)}`).join('\n'),
  }
}

function indented(text: string): string {
  return text.replace(/^/gm, '  ')
}
