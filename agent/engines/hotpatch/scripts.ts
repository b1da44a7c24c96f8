/**
 * What PowerShell is asked, each a script that prints one JSON object and nothing else. They use what Windows PowerShell 5.1 has on
 * every supported system, and change nothing but for `installScript`.
 */

/**
 * Reads the system's build, edition and protection, whether a restart is due, and the updates that are in.
 * @see Win32_OperatingSystem, Win32_DeviceGuard, Win32_QuickFixEngineering; ISystemInformation::RebootRequired,
 *   IUpdateSearcher::QueryHistory (wuapi.h)
 */
export const readScript = `# suture: read
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$version = Get-ItemProperty 'HKLM:\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion'
$system = Get-CimInstance Win32_OperatingSystem
$guard = Get-CimInstance Win32_DeviceGuard -Namespace root\\Microsoft\\Windows\\DeviceGuard -ErrorAction SilentlyContinue
$session = New-Object -ComObject Microsoft.Update.Session
$history = @($session.CreateUpdateSearcher().QueryHistory(0, 30) | Where-Object { $_.Title } | ForEach-Object {
  @{ title = $_.Title; at = $_.Date.ToUniversalTime().ToString('yyyy-MM-ddTHH:mm:ssZ'); operation = [int]$_.Operation; result = [int]$_.ResultCode; error = [int]$_.HResult }
})
$fixes = @(Get-CimInstance Win32_QuickFixEngineering | ForEach-Object { $_.HotFixID })
@{
  caption = $system.Caption
  build = [string]$version.CurrentBuildNumber
  revision = [int]$version.UBR
  protection = if ($guard) { [int]$guard.VirtualizationBasedSecurityStatus } else { $null }
  rebootRequired = [bool](New-Object -ComObject Microsoft.Update.SystemInfo).RebootRequired
  fixes = $fixes
  history = $history
  now = (Get-Date).ToUniversalTime().ToString('yyyy-MM-ddTHH:mm:ssZ')
} | ConvertTo-Json -Depth 4 -Compress`;

/**
 * Installs the one update that Windows Update offers under an article; none that is sure to want a restart.
 * @param article as in KB5058497, digits and letters alone
 * @see IUpdateSearcher::Search, IUpdateDownloader, IUpdateInstaller; IUpdate::KBArticleIDs; InstallationRebootBehavior (wuapi.h)
 */
export function installScript(article: string): string {
  const number = /^KB(\d+)$/.exec(article)?.[1] ?? "0";
  return `# suture: install ${number}
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$session = New-Object -ComObject Microsoft.Update.Session
$found = @($session.CreateUpdateSearcher().Search("IsInstalled=0 and IsHidden=0 and Type='Software'").Updates | Where-Object { @($_.KBArticleIDs) -contains '${number}' })
$answer = @{ offered = $found.Count; restart = $false; result = $null; error = 0; rebootRequired = $false }
if ($found.Count -gt 0) {
  if ([int]$found[0].InstallationBehavior.RebootBehavior -eq 1) { $answer.restart = $true } else {
    $updates = New-Object -ComObject Microsoft.Update.UpdateColl
    if (-not $found[0].EulaAccepted) { $found[0].AcceptEula() }
    [void]$updates.Add($found[0])
    try {
      $downloader = $session.CreateUpdateDownloader()
      $downloader.Updates = $updates
      [void]$downloader.Download()
      $installer = $session.CreateUpdateInstaller()
      $installer.Updates = $updates
      $done = $installer.Install()
      $answer.result = [int]$done.ResultCode
      $answer.error = [int]$done.GetUpdateResult(0).HResult
      $answer.rebootRequired = [bool]$done.RebootRequired
    } catch { $answer.error = [int]$_.Exception.HResult }
  }
}
$answer | ConvertTo-Json -Compress`;
}

/** How powershell.exe is started for a script: as bytes in the argument, so that no quoting and no file comes between. */
export function powershellArguments(script: string): string[] {
  const encoded = Buffer.from(script, "utf16le").toString("base64");
  return ["-NoLogo", "-NoProfile", "-NonInteractive", "-EncodedCommand", encoded];
}
