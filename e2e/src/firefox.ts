import { type Browser, launch } from 'puppeteer-core'

/** Starts the system's Firefox ESR, driven by WebDriver BiDi: the released browser, not a patched one. */
export function launchFirefox(): Promise<Browser> {
  return launch({
    browser: 'firefox',
    executablePath: process.env.FIREFOX ?? '/usr/bin/firefox-esr',
    headless: true,
  })
}
