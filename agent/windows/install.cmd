@echo off
rem Installs the agent from this folder as a service. Run as administrator.
rem Its state and configuration are in %ProgramData%\Suture, for the system and administrators alone: a machine's key is in there.
setlocal
set "data=%ProgramData%\Suture"
rem Every user may make folders there: one that waits for us, with a configuration in it, would be run as the system.
sc query SutureAgent >nul 2>&1 || if exist "%data%" if not "%~1"=="/keep" (
  echo %data% is there already: look whose it is and what is in it, then run install.cmd /keep
  exit /b 1
)
if not exist "%data%" mkdir "%data%" || exit /b 1
icacls "%data%" /setowner *S-1-5-32-544 /t /q >nul || exit /b 1
icacls "%data%" /reset /t /q >nul || exit /b 1
icacls "%data%" /inheritance:r /grant:r *S-1-5-18:(OI)(CI)F *S-1-5-32-544:(OI)(CI)F >nul || exit /b 1
if not exist "%data%\state" mkdir "%data%\state" || exit /b 1
if not exist "%data%\agent.toml" copy "%~dp0agent.toml" "%data%\agent.toml" >nul || exit /b 1
sc create SutureAgent binPath= "\"%~dp0node.exe\" \"%~dp0agent.cjs\" service --config \"%data%\" --state \"%data%\state\"" start= auto DisplayName= "Suture agent" || exit /b 1
sc description SutureAgent "Applies live patches to this host and reports what it did."
sc failure SutureAgent reset= 86400 actions= restart/60000/restart/300000/restart/3600000
rem Without this an agent that ends with an error, and says so, is not started again
sc failureflag SutureAgent 1
echo Installed. Enrol this host, then start the service:
echo   "%~dp0suture-agent.cmd" enroll --server https://suture.example.com --token-file TOKEN
echo   sc start SutureAgent
