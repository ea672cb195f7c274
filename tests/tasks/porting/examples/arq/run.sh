#!/bin/sh
exec arq shop.jobs.WorkerSettings
