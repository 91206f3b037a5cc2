import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino'
import type { LogLevel } from './config/server-options.ts'
import { painter } from './painter.ts'

export type { Logger } from 'pino'

/** `json` for machines, `human` for a terminal. */
export type LogStyle = 'json' | 'human'

/** A logger that writes to standard output. No payload, credential or query string is ever given to it. */
export function createLogger(level: LogLevel, style: LogStyle): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    style === 'human' ? humanLines(process.stdout) : pino.destination({ dest: 1, sync: true }),
  )
}

/** Writes `12:00:01 warn  message key=value` for each JSON line. */
function humanLines(out: NodeJS.WriteStream): DestinationStream {
  const paint = painter(out)
  return {
    write(line) {
      const { time, level, msg, err, ...rest } = JSON.parse(line)
      const colour = level === 'info' || level === 'debug' ? 'dim' : 'yellow'
      const details = Object.entries(rest).map(([key, value]) => `${key}=${shown(value)}`)
      const text = [paint('dim', time.slice(11, 19)), paint(colour, level.padEnd(5)), msg, ...details].join(
        ' ',
      )
      out.write(err ? `${text}\n${err.stack}\n` : `${text}\n`)
    },
  }
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
