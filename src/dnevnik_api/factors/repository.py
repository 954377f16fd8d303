from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from dnevnik_api.db import SessionDep

from .models import RecoveryCode, SecondFactor
from .policy import digest_of


class FactorRepository:
    """The only writer of second factors and of their recovery codes."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def find(self, account_id: int) -> SecondFactor | None:
        """Return the confirmed second factor of an account, if it has one."""
        factor = select(SecondFactor).where(
            SecondFactor.account_id == account_id, SecondFactor.confirmed_at.is_not(None)
        )
        return (await self._session.scalars(factor)).one_or_none()

    async def lock(self, account_id: int) -> SecondFactor | None:
        """Lock the second factor of an account, confirmed or not."""
        factor = select(SecondFactor).where(SecondFactor.account_id == account_id)
        return (await self._session.scalars(factor.with_for_update())).one_or_none()

    async def codes_left(self, account_id: int) -> int:
        """Return how many recovery codes were not used."""
        left = select(func.count()).where(
            RecoveryCode.account_id == account_id, RecoveryCode.used_at.is_(None)
        )
        return int(await self._session.scalar(left) or 0)

    async def begin(self, account_id: int, sealed: bytes, now: datetime) -> bool:
        """Keep a secret that is to be confirmed; False where a confirmed one stands."""
        values = {"sealed_secret": sealed, "created_at": now, "last_step": 0}
        kept = (
            insert(SecondFactor)
            .values(account_id=account_id, **values)
            .on_conflict_do_update(
                index_elements=["account_id"],
                set_=values,
                where=SecondFactor.confirmed_at.is_(None),
            )
            .returning(SecondFactor.account_id)
        )
        return await self._session.scalar(kept) is not None

    async def confirm(
        self, factor: SecondFactor, step: int, codes: Sequence[str], now: datetime
    ) -> None:
        """Let a locked factor count from now, with recovery codes in place of any others."""
        factor.confirmed_at, factor.last_step = now, step
        await self._session.flush()
        await self._forget_codes([factor.account_id])
        digests = [
            {"digest": digest_of(factor.account_id, code), "account_id": factor.account_id}
            for code in codes
        ]
        await self._session.execute(insert(RecoveryCode), digests)

    async def use(self, factor: SecondFactor, step: int) -> None:
        """Use up the code of a step."""
        factor.last_step = step
        await self._session.flush()

    async def use_recovery_code(self, account_id: int, code: str, now: datetime) -> bool:
        """Use up a recovery code; False: there is none such."""
        used = (
            update(RecoveryCode)
            .where(
                RecoveryCode.digest == digest_of(account_id, code),
                RecoveryCode.account_id == account_id,
                RecoveryCode.used_at.is_(None),
            )
            .values(used_at=now)
            .returning(RecoveryCode.account_id)
        )
        return await self._session.scalar(used) is not None

    async def drop(self, account_ids: Sequence[int]) -> None:
        """Switch the second factors of accounts off; their recovery codes are gone."""
        await self._forget_codes(account_ids)
        await self._session.execute(
            delete(SecondFactor).where(SecondFactor.account_id.in_(account_ids))
        )

    async def _forget_codes(self, account_ids: Sequence[int]) -> None:
        await self._session.execute(
            delete(RecoveryCode).where(RecoveryCode.account_id.in_(account_ids))
        )
