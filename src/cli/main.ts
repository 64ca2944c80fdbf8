#!/usr/bin/env node
import { command } from "./command.js";

process.exitCode = command({ out: console.log, error: console.error });
