"""The brokers and how to be let in by them, in the words of the Java client and of librdkafka.

Only these settings hold passwords; they go to the clients and nowhere else.
"""

from __future__ import annotations

from pathlib import Path

from config.models import Kafka
from config.paths import resolve
from schemas.errors import SetupError

# The Flink connector carries a Kafka client of its own under another package name; the configuration names its classes.
SHADED = "org.apache.flink.kafka.shaded."
MODULES = {
    "PLAIN": "org.apache.kafka.common.security.plain.PlainLoginModule",
    "SCRAM-SHA-256": "org.apache.kafka.common.security.scram.ScramLoginModule",
    "SCRAM-SHA-512": "org.apache.kafka.common.security.scram.ScramLoginModule",
}


class KafkaConnection:
    """The brokers of a configuration.

    Parameters
    ----------
    kafka : Kafka
        The section of the file.
    directory : Path
        What the names of certificate files are relative to.

    Attributes
    ----------
    bootstrap : str
        ``HOST:PORT``, several with commas between.
    """

    def __init__(self, kafka: Kafka, directory: Path) -> None:
        self.bootstrap = kafka.bootstrap
        self._security = kafka.security
        self._directory = directory

    def __repr__(self) -> str:
        return f"KafkaConnection({self.bootstrap!r}, {self._security.protocol})"

    def java_properties(self, *, shaded: bool = True) -> dict[str, str]:
        """Return the properties of the Java client.

        Parameters
        ----------
        shaded : bool
            For the client inside Flink's connector (`SHADED`), else for the ordinary one.

        Returns
        -------
        dict of str to str
            With the passwords, and the certificates themselves: the cluster need not have the files.

        Raises
        ------
        SetupError
            When a certificate or key file cannot be read.
        """
        security = self._security
        properties = {"bootstrap.servers": self.bootstrap, "security.protocol": security.protocol}
        if security.mechanism:
            module = (SHADED if shaded else "") + MODULES[security.mechanism]
            username, password = _jaas(security.username or ""), _jaas(self._secret("password"))
            properties["sasl.mechanism"] = security.mechanism
            properties["sasl.jaas.config"] = f"{module} required username={username} password={password};"
        if security.ca:
            properties["ssl.truststore.type"] = "PEM"
            properties["ssl.truststore.certificates"] = self._content("ca")
        if security.certificate:
            properties["ssl.keystore.type"] = "PEM"
            properties["ssl.keystore.certificate.chain"] = self._content("certificate")
            properties["ssl.keystore.key"] = self._content("key")
        if security.key_password:
            properties["ssl.key.password"] = self._secret("key_password")
        return properties

    def client_settings(self) -> dict[str, str]:
        """Return the settings of confluent-kafka (librdkafka), with the passwords."""
        security = self._security
        settings = {"bootstrap.servers": self.bootstrap, "security.protocol": security.protocol}
        if security.mechanism:
            settings["sasl.mechanism"] = security.mechanism
            settings["sasl.username"] = security.username or ""
            settings["sasl.password"] = self._secret("password")
        files = {"ssl.ca.location": security.ca, "ssl.certificate.location": security.certificate}
        files["ssl.key.location"] = security.key
        settings.update({name: resolve(self._directory, file) for name, file in files.items() if file})
        if security.key_password:
            settings["ssl.key.password"] = self._secret("key_password")
        return settings

    def _secret(self, name: str) -> str:
        secret = getattr(self._security, name)
        return secret.get_secret_value() if secret else ""

    def _content(self, name: str) -> str:
        path = Path(resolve(self._directory, getattr(self._security, name)))
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = "it is not PEM text" if isinstance(error, UnicodeDecodeError) else error.strerror
            msg = f"kafka.security.{name}: {str(path)!r} cannot be read ({reason})"
            raise SetupError(msg) from None


def _jaas(text: str) -> str:
    """Quote for a JAAS entry, in which a backslash escapes."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
