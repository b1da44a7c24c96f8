@echo off
rem Removes the service. What is applied stays, and so does %ProgramData%\Suture: remove it by hand once nothing of it is wanted.
sc stop SutureAgent >nul
sc delete SutureAgent
